package vip

import (
	"context"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

const starts = "/etc/systemd/system/multi-user.target.wants/"

// stacks are hosts by what brings their lo up, and the file by which it then does.
func stacks() map[string]struct {
	files map[string]string
	file  string
} {
	type host = struct {
		files map[string]string
		file  string
	}
	return map[string]host{
		netconf.StackIfupdown: {map[string]string{
			"/sbin/ifup": "", netconf.InterfacesDir + "/README": "", netconf.InterfacesTop: "auto lo\niface lo inet loopback\n",
		}, netconf.OwnLoopbackInterfaces},
		netconf.StackNetworkd: {map[string]string{
			starts + "systemd-networkd.service": "", netconf.NetworkdDir + "/20-ens33.network": "[Match]\nName=ens33\n[Network]\nDHCP=yes\n",
		}, netconf.OwnNetworkPath("lo")},
		netconf.StackNetplan: {map[string]string{
			netconf.NetplanDir + "/01.yaml": "network:\n  version: 2\n", netconf.NetworkdDir + "/README": "",
		}, netconf.OwnLoopbackNetplan},
		netconf.StackNetworkManager: {map[string]string{
			"/usr/sbin/NetworkManager": "", "/usr/lib/NetworkManager/1.52.0-1/x.so": "", starts + "NetworkManager.service": "",
			netconf.KeyfileDir + "/LAN": "[connection]\ntype=ethernet\ninterface-name=ens33\n",
		}, netconf.OwnKeyfilePath("lo")},
		netconf.StackIfcfg: {map[string]string{
			netconf.IfcfgDir + "/ifcfg-lo": "DEVICE=lo\n", netconf.IfcfgDir + "/ifup-aliases": "", "/etc/rc.d/rc3.d/S10network": "",
			"/etc/os-release": "ID=centos\n",
		}, netconf.IfcfgDir + "/ifcfg-lo:0"},
	}
}

func natively(addresses ...string) Desired {
	d := vips(addresses...)
	for i := range d.VIPs {
		d.VIPs[i].Native = true
	}
	d.Cards = []string{"ens33"}
	return d
}

func TestConformNative(t *testing.T) {
	for name, stack := range stacks() {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(stack.files)
			files[generatorFile] = ""
			plans := []any{natively(one), vips(one)}
			if name == netconf.StackIfupdown { // which has a file of others among them
				plans = []any{vips(one), natively(one), natively(two, one)}
			}
			steptest.Conform(t, newHost(files), []steptest.Case{{
				Name:    "from rc.local and back",
				Plans:   plans,
				Foreign: foreign,
			}, {
				Name:    "somebody edits the file",
				Plans:   []any{natively(one)},
				Foreign: foreign,
				Meddle: func(t *testing.T, f steptest.Fake) {
					if err := os.WriteFile(f.(*fake).Path(stack.file), nil, 0o600); err != nil {
						t.Fatal(err)
					}
				},
			}})
		})
	}
}

func TestNativeWritesItsFile(t *testing.T) {
	for name, stack := range stacks() {
		f := newHost(stack.files)(t).(*fake)
		changes := diffOf(t, f, natively(one))
		if _, err := newKind(f.Host.Host, f).Apply(context.Background(), natively(one), changes); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(f.Get(stack.file), "192.168.140.100") {
			t.Errorf("%s: %s", name, f.Get(stack.file))
		}
		if _, err := os.Stat(f.Path("/etc/rc.local")); err == nil {
			t.Errorf("%s: rc.local is there", name)
		}
	}
}

func TestNativeIsRefused(t *testing.T) {
	f := newHost(map[string]string{"/usr/sbin/NetworkManager": "", "/etc/NetworkManager/x": "", starts + "NetworkManager.service": ""})(t)
	c := diffOf(t, f, natively(one))[0]
	if !strings.Contains(c.Blocked, `before version 1.42`) || !strings.Contains(c.Blocked, `persist = "rc.local"`) {
		t.Errorf("got %+v", c)
	}
}

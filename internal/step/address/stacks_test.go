package address

import (
	"context"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// withFiles makes a host with those files and the interfaces of the others.
func withFiles(files map[string]string) func(t *testing.T) steptest.Fake {
	return func(t *testing.T) steptest.Fake {
		return newFake(t, files, rtnl.Interface{Name: "ens33", MAC: "02:00:00:00:00:01"}, rtnl.Interface{Name: "ens36", MAC: "02:00:00:00:00:02"})
	}
}

const (
	lanNetwork = "# The LAN\n[Match]\nName=ens33\n\n[Network]\nDHCP=yes\nLLDP=yes\n\n[DHCPv4]\nRouteMetric=10\n"
	lanProfile = "[connection]\nid=ens33\nuuid=3d5a7a0e-8c51-3a0f-9a1f-5b1f3d3ac001\ntype=ethernet\ninterface-name=ens33\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n"
	installer  = "# subiquity\nnetwork:\n  version: 2\n  ethernets:\n    ens33:\n      addresses: [192.168.140.5/24]\n      gateway4: 192.168.140.1\n"
)

// TestConformStacks holds the kind to the laws on hosts whose addresses are in
// the files of a daemon, with and without files that were there before.
func TestConformStacks(t *testing.T) {
	put := func(name, content string) func(*testing.T, steptest.Fake) {
		return func(_ *testing.T, f steptest.Fake) { f.(*fake).Put(name, content) }
	}
	for stack, c := range map[string]struct {
		files        map[string]string
		file, before string // one that is there before
		adopted      string // what a person wrote, which is as wanted
	}{
		"networkd": {
			files: map[string]string{
				"/etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "",
				netconf.NetworkdDir + "/80-wan.network":                                "[Match]\nName=wan\n",
				netconf.ResolvConf:                                                     "search lan\n",
			},
			file: netconf.NetworkdDir + "/20-lan.network", before: lanNetwork,
			adopted: "[Match]\nName=ens33\n[Network]\nAddress=192.168.140.20/24\nGateway=192.168.140.2\nDNS=114.114.114.114\nDNS=8.8.8.8\n",
		},
		"networkmanager": {
			files: map[string]string{
				"/usr/sbin/NetworkManager*":                                          "",
				netconf.KeyfileDir + "/.keep":                                        "",
				"/etc/systemd/system/multi-user.target.wants/NetworkManager.service": "",
			},
			file: netconf.KeyfileDir + "/ens33.nmconnection", before: lanProfile,
			adopted: strings.Replace(lanProfile, "method=auto", "address1=192.168.140.20/24,192.168.140.2\ndns=114.114.114.114;8.8.8.8;\nmethod=manual", 1),
		},
		"netplan": {
			files: map[string]string{netconf.NetplanDir + "/00-version.yaml": "network:\n  version: 2\n", netconf.NetworkdDir + "/.keep": ""},
			file:  netconf.NetplanDir + "/01-installer.yaml", before: installer,
			adopted: "network:\n  ethernets:\n    ens33:\n      addresses: [192.168.140.20/24]\n      gateway4: 192.168.140.2\n      nameservers:\n        addresses: [114.114.114.114, 8.8.8.8]\n",
		},
	} {
		t.Run(stack, func(t *testing.T) {
			steptest.Conform(t, withFiles(c.files), []steptest.Case{
				{Name: "fresh", Plans: []any{plan()}, Foreign: foreign},
				{Name: "two, then one of them", Plans: []any{two(), Desired{Interfaces: two().Interfaces[:1]}}},
				{Name: "a file before", Plans: []any{plan(), moved()}, Foreign: foreign, Prepare: put(c.file, c.before)},
				{Name: "typed by hand", Adopts: true, Plans: []any{plan()}, Prepare: func(t *testing.T, f steptest.Fake) {
					typed(t, f)
					f.(*fake).Put(c.file, c.adopted)
				}},
			})
		})
	}
}

// A daemon is told of new files, but not where that would take away the address
// that a destroy leaves to the next boot.
func TestDaemonIsNotToldToCutTheSession(t *testing.T) {
	file := step.Change{Action: step.Restore, ID: content(netconf.NetworkdDir + "/20-lan.network"), From: "x", To: lanNetwork}
	stays := step.Change{Action: step.Forget, ID: step.ID{Key: "ens33", Field: "192.168.140.20/24"}, From: present, Why: "it carries this SSH session"}
	for told, changes := range map[bool][]step.Change{true: {file}, false: {stays, file}} {
		f := newFake(t, map[string]string{"/run/systemd/netif/state": "", file.Key: "x"}, rtnl.Interface{Name: "ens33"})
		if n, err := newKind(f.Host.Host, f, 0).Apply(context.Background(), Desired{}, changes); err != nil || n != len(changes) {
			t.Fatal(n, err)
		}
		if (len(f.Ran) > 0) != told {
			t.Errorf("ran %q", f.Ran)
		}
	}
}

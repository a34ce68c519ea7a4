package netconf

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/host"
)

func newHost(t *testing.T, files map[string]string) host.Host {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		if target, ok := strings.CutPrefix(content, "-> "); ok && err == nil {
			err = os.Symlink(target, p)
		} else if err == nil {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return host.Host{Root: root}
}

func TestDetect(t *testing.T) {
	const wants = "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"
	debian := map[string]string{InterfacesTop: "", "/usr/sbin/ifup": ""}
	for want, files := range map[string][]map[string]string{
		StackIfcfg: {
			{IfcfgDir + "/ifcfg-ens33": "", InterfacesTop: "", "/sbin/ifup": ""},
			{IfcfgDir + "/readme-ifcfg-rh.txt": "", "/etc/os-release": "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n"},
			{
				IfcfgDir + "/ifcfg-ens33": "", "/usr/sbin/NetworkManager": "", "/etc/NetworkManager/x": "",
				"/usr/lib64/NetworkManager/1.40.16-1.el8/libnm-settings-plugin-ifcfg-rh.so": "",
			},
			{IfcfgDir + "/ifcfg-ens33": "", "/usr/sbin/NetworkManager": "", IfcfgDir + "/ifup": ""},
		},
		StackIfupdown: {
			debian,
			{InterfacesTop: "", "/sbin/ifup": "", IfcfgDir + "/readme": "", "/etc/os-release": "ID=debian\n"},
			{InterfacesTop: "", "/sbin/ifup": "", "/usr/sbin/NetworkManager": "", "/etc/NetworkManager/x": ""},
		},
		StackNetplan:  {{"/etc/netplan/50-cloud-init.yaml": "", InterfacesTop: "", "/sbin/ifup": ""}},
		StackNetworkd: {{"/etc/systemd/network/lan.network": "", wants: ""}, {wants: ""}},
		StackNetworkManager: {
			{"/usr/sbin/NetworkManager": "", "/etc/NetworkManager/x": ""},
			{"/usr/sbin/NetworkManager": "", "/etc/NetworkManager/x": "", IfcfgDir + "/readme-ifcfg-rh.txt": "", "/etc/os-release": "ID=fedora\n"},
		},
		StackUnknown: {{}, {InterfacesTop: ""}},
	} {
		for _, f := range files {
			if got := Detect(newHost(t, f), "", nil); got != want {
				t.Errorf("%v: %s, want %s", f, got, want)
			}
		}
	}
}

func TestRead(t *testing.T) {
	h := newHost(t, map[string]string{
		InterfacesTop: "top", InterfacesDir + "/lan": "lan", InterfacesDir + "/lan~": "old", InterfacesDir + "/lan.dpkg-old": "old",
		InterfacesDir + "/.lan.swp": "x", InterfacesDir + "/dir/file": "x", ResolvConf: "-> ../run/systemd/resolve/stub-resolv.conf",
		IfcfgDir + "/ifcfg-ens33": "DEVICE=ens33\n", IfcfgDir + "/ifcfg-ens33.bak": "old", IfcfgDir + "/ifcfg-eth0.100": "vlan",
	})
	got, err := Read(h, StackIfupdown, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Files{Content: map[string]string{InterfacesTop: "top", InterfacesDir + "/lan": "lan"}}, got); d != "" {
		t.Errorf("ifupdown (-want +got):\n%s", d)
	}
	got, err = Read(h, StackIfcfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{IfcfgDir + "/ifcfg-ens33": "DEVICE=ens33\n", IfcfgDir + "/ifcfg-eth0.100": "vlan"}, got.Content); d != "" {
		t.Errorf("ifcfg (-want +got):\n%s", d)
	}
	got, err = Read(newHost(t, nil), StackUnknown, nil)
	if err != nil || !got.ResolvPlain || len(got.Content) != 0 {
		t.Errorf("an empty host: %+v %v", got, err)
	}
}

func TestReload(t *testing.T) {
	for _, c := range []struct {
		name, running, state string
		want                 []string
	}{
		{"not running", "not running", "", []string{"nmcli -t -f RUNNING general"}},
		{"device up", "running\n", "100 (connected)\n", []string{
			"nmcli -t -f RUNNING general", "nmcli connection reload", "nmcli -g GENERAL.STATE,GENERAL.CON-UUID device show ens33", "nmcli device reapply ens33",
		}},
		{"device unmanaged", "running\n", "10 (unmanaged)\n", []string{
			"nmcli -t -f RUNNING general", "nmcli connection reload", "nmcli -g GENERAL.STATE,GENERAL.CON-UUID device show ens33",
		}},
	} {
		h := newHost(t, map[string]string{"/usr/bin/nmcli": ""})
		var ran []string
		h.Run = func(_ context.Context, argv ...string) (host.Result, error) {
			ran = append(ran, strings.Join(argv, " "))
			switch argv[1] {
			case "-t":
				return host.Result{Stdout: c.running}, nil
			case "-g":
				return host.Result{Stdout: c.state}, nil
			}
			return host.Result{}, nil
		}
		if err := Reload(context.Background(), h, []string{IfcfgDir + "/ifcfg-ens33"}, []string{"ens33"}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if d := cmp.Diff(c.want, ran); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
	h := newHost(t, nil) // no nmcli, nothing is run
	if err := Reload(context.Background(), h, []string{IfcfgDir + "/ifcfg-ens33"}, []string{"ens33"}); err != nil {
		t.Error(err)
	}
}

func TestIfState(t *testing.T) {
	const lo = "lo=lo\n"
	both := SetIfState(lo, "ens33", true)
	if both != "lo=lo\nens33=ens33\n" || SetIfState(both, "ens33", true) != both || !HasIfState(both, "ens33") || HasIfState(both, "ens3") {
		t.Errorf("got %q", both)
	}
	if back := SetIfState(both, "ens33", false); back != lo {
		t.Errorf("got %q", back)
	}
	if got := SetIfState("lo=lo", "ens33", true); got != both {
		t.Errorf("got %q", got)
	}
}

func TestEditResolv(t *testing.T) {
	s, err := ParseSettings("ens33", "10.0.0.1/8", "", []string{"114.114.114.114", "8.8.8.8"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const two = "nameserver 114.114.114.114\nnameserver 8.8.8.8\n"
	for before, want := range map[string]string{
		"":                           two,
		"search lan":                 "search lan\n" + two,
		two + "nameserver 1.1.1.1\n": two + "nameserver 1.1.1.1\n",
		"nameserver 8.8.8.8\nnameserver 114.114.114.114\n": two,
		"# x\nnameserver\t1.1.1.1\noptions rotate\n":       "# x\n" + two + "options rotate\n",
	} {
		if got := EditResolv(before, s.DNS); got != want {
			t.Errorf("%q becomes %q, want %q", before, got, want)
		}
	}
}

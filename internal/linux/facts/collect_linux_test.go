package facts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/wire"
)

// tree makes a root directory with these files.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// answers runs nothing: each command has its output, any other is missing.
func answers(m map[string]string) func(context.Context, ...string) (host.Result, error) {
	return func(_ context.Context, argv ...string) (host.Result, error) {
		out, ok := m[strings.Join(argv, " ")]
		if !ok {
			return host.Result{}, errors.New("cannot run " + argv[0])
		}
		return host.Result{Stdout: out}, nil
	}
}

func TestCollect(t *testing.T) {
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(uname.Release[:])
	h := host.Host{
		Root: tree(t, map[string]string{
			"proc/sys/kernel/random/boot_id":              "7e1c8ac4-9e86-4ab5-a0f3-0fd1c4d4c0a1\n",
			"proc/sys/net/ipv4/ip_forward":                "1\n",
			"proc/sys/net/ipv4/conf/eth0.5/rp_filter":     "2\n",
			"etc/os-release":                              "ID=debian\nVERSION_ID=\"12\"\n",
			"etc/selinux/config":                          "SELINUX=disabled\n",
			"etc/secret":                                  "not a sysctl",
			"run/systemd/system/x":                        "",
			"usr/sbin/apache2":                            "",
			"var/lib/x":                                   "",
			"lib/modules/" + release + "/modules.dep":     "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/lib/libcrc32c.ko.xz\n",
			"lib/modules/" + release + "/modules.builtin": "kernel/fs/ext4/ext4.ko\n",
			"proc/net/ip_tables_names":                    "filter\n",
			"proc/" + "self" + "/stat":                    "9 (agent) S 8 9 9 0",
			"proc/8/stat":                                 "8 (sudo) S 7 8 8 0",
			"proc/8/environ":                              "SUDO_USER=x\x00",
			"proc/7/environ":                              "SSH_CONNECTION=127.0.0.1 40000 127.0.0.1 22\x00",
		}),
		Run: answers(map[string]string{
			"systemctl --version":     "systemd 252 (252.39-1~deb12u1)\n",
			"modprobe -n -v -- ip_vs": "insmod /lib/modules/x/ip_vs.ko\n",
			"iptables-save -t filter": "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n",
			"systemctl show --property=Id,Names,LoadState,ActiveState,UnitFileState -- firewalld.service ufw.service nftables.service iptables.service netfilter-persistent.service": strings.Join([]string{
				"LoadState=not-found\nActiveState=inactive\n",
				"LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n", // but ufw.conf says no
				"LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n",
				"LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n",
				"LoadState=not-found\nActiveState=inactive\n",
			}, "\n"),
		}),
	}
	t.Setenv("SSH_CONNECTION", "")
	got, err := Collect(t.Context(), h, wire.FactsRequest{Sysctls: []string{
		"net.ipv4.ip_forward", "net.ipv4.conf.eth0/5.rp_filter", "no.such.thing", "../../../etc/secret", "/././etc/secret",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got.BootID != "7e1c8ac4-9e86-4ab5-a0f3-0fd1c4d4c0a1" || got.OS.ID != "debian" || got.Systemd != 252 || !got.Apache {
		t.Errorf("boot %q os %+v systemd %d apache %t", got.BootID, got.OS, got.Systemd, got.Apache)
	}
	if !got.IPVS.Available {
		t.Errorf("IPVS: %+v", got.IPVS)
	}
	if strings.Join(got.Firewall.Active, " ") != "iptables" || !got.Firewall.Drops {
		t.Errorf("firewall: %+v", got.Firewall)
	}
	if got.SELinux != "disabled" {
		t.Errorf("SELinux: %q", got.SELinux)
	}
	if len(got.Sysctls) != 2 || got.Sysctls["net.ipv4.ip_forward"] != "1" || got.Sysctls["net.ipv4.conf.eth0/5.rp_filter"] != "2" {
		t.Errorf("sysctls: %v", got.Sysctls)
	}
	if got.SSH != (wire.SSHPath{Client: "127.0.0.1", Server: "127.0.0.1", Interface: "lo", ReturnInterface: "lo"}) {
		t.Errorf("SSH: %+v", got.SSH)
	}
	if got.FreeBytes == 0 || got.Hostname == "" || got.Machine == "" || len(got.Interfaces) == 0 {
		t.Errorf("empty facts: %+v", got)
	}
}

func TestIPVSReason(t *testing.T) {
	tests := []struct {
		name, says string
		files      map[string]string
	}{
		{"no modules at all", "has no directory in /lib/modules", nil},
		{"another kernel's", "kernel 6.1 has no module ip_vs", map[string]string{"lib/modules/6.1/modules.dep": "kernel/x/dummy.ko:\n"}},
		{"forbidden", "modules_disabled", map[string]string{"proc/sys/kernel/modules_disabled": "1\n"}},
		{"overridden", "/etc/modprobe.d", map[string]string{"lib/modules/6.1/modules.dep": "kernel/x/ip_vs.ko:\n"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := host.Host{Root: tree(t, tt.files), Run: answers(map[string]string{"modprobe -n -v -- ip_vs": "install /bin/false\n"})}
			if got := ipvs(t.Context(), h, "6.1"); got.Available || !strings.Contains(got.Reason, tt.says) {
				t.Errorf("got %+v, want a reason with %q", got, tt.says)
			}
		})
	}
	for _, files := range []map[string]string{
		{"proc/modules": "ip_vs_rr 16384 1 - Live 0x0\nip_vs 200704 3 ip_vs_rr, Live 0x0\n"},
		{"lib/modules/6.1/modules.builtin": "kernel/net/netfilter/ipvs/ip_vs.ko\n"},
	} {
		if got := ipvs(t.Context(), host.Host{Root: tree(t, files)}, "6.1"); !got.Available {
			t.Errorf("%v: %+v", files, got)
		}
	}
}

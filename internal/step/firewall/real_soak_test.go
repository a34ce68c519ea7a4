//go:build linuxroot && soak

package firewall

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// TestRealFirewalls works with the real ufw and firewalld. They are never
// installed on this machine, which would start them: they run from a root of
// their own, in network and mount namespaces that end with each test.
func TestRealFirewalls(t *testing.T) {
	root := t.TempDir()
	suite := "bookworm"
	if out, err := exec.Command("sh", "-c", `. /etc/os-release; echo "$VERSION_CODENAME"`).Output(); err == nil && len(out) > 1 {
		suite = strings.TrimSpace(string(out))
	}
	begin := time.Now()
	if out, err := exec.Command("mmdebstrap", "--mode=root", "--variant=apt", "--dpkgopt=force-unsafe-io", "--aptopt="+downloads(t),
		"--include=firewalld,ufw,iptables,dbus", suite, root, sources(t)).CombinedOutput(); err != nil {
		t.Fatalf("mmdebstrap: %v: %s", err, out)
	}
	t.Logf("a root in %v", time.Since(begin))
	t.Run("ufw", func(t *testing.T) { testUFW(t, root) })
	t.Run("firewalld", func(t *testing.T) { testFirewalld(t, root) })
}

// sources is the machine's own list of where packages come from.
func sources(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"} {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return name
		}
	}
	t.Fatal("this machine has no list of Debian's packages")
	return ""
}

// downloads is a file with the machine's settings for them, a proxy say.
func downloads(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("apt-config", "dump", "--format", `%F "%v";%n`, "Acquire::http", "Acquire::https", "Acquire::Retries").Output()
	must(t, err)
	name := filepath.Join(t.TempDir(), "apt.conf")
	must(t, os.WriteFile(name, append([]byte("APT::Install-Recommends \"false\";\n"), out...), 0o644))
	return name
}

// jail is a host whose commands are the root's own, but for systemctl.
type jail struct {
	*fake
	t *testing.T
}

func newJail(t *testing.T, lower string) jail {
	t.Helper()
	// The thread is never unlocked, so it and its namespaces end with the test.
	runtime.LockOSThread()
	must(t, unix.Unshare(unix.CLONE_NEWNET|unix.CLONE_NEWNS))
	must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	dir := t.TempDir()
	must(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	for _, name := range []string{"up", "work", "root"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	root := filepath.Join(dir, "root")
	must(t, unix.Mount("overlay", root, "overlay", 0, "lowerdir="+lower+",upperdir="+dir+"/up,workdir="+dir+"/work"))
	must(t, unix.Mount("proc", filepath.Join(root, "proc"), "proc", 0, ""))
	must(t, unix.Mount("sysfs", filepath.Join(root, "sys"), "sysfs", 0, ""))
	must(t, unix.Mount("tmpfs", filepath.Join(root, "run"), "tmpfs", 0, ""))
	j := jail{newFake(t).(*fake), t}
	j.Host.Host = host.Host{Root: root, Run: func(ctx context.Context, argv ...string) (host.Result, error) {
		if argv[0] == "systemctl" {
			return j.systemctl(argv[1:]), nil
		}
		return host.Real().Run(ctx, append([]string{"chroot", root}, argv...)...)
	}}
	j.run("ip", "link", "set", "lo", "up")
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (this test needs root)", err)
	}
}

// run runs a command of the root's, which must succeed.
func (j jail) run(argv ...string) string {
	j.t.Helper()
	if argv[0] == "ip" { // the root has none
		out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		if err != nil {
			j.t.Fatalf("%v: %v: %s", argv, err, out)
		}
		return string(out)
	}
	res, err := j.Host.Host.Run(context.Background(), argv...)
	if err == nil {
		err = res.Err(argv...)
	}
	if err != nil {
		j.t.Fatal(err)
	}
	return res.Stdout
}

// files are those of a directory with what is in them.
func (j jail) files(dir string) string {
	j.t.Helper()
	out, err := exec.Command("sh", "-c", `cd "$0" && find . -type f ! -name '*.old' ! -name '*.pyc' | sort | xargs cksum`, j.Path(dir)).Output()
	must(j.t, err)
	return string(out)
}

func testUFW(t *testing.T, root string) {
	j := newJail(t, root)
	j.units[ufw] = &unit{true, true}
	j.run("ufw", "--force", "enable")
	j.run("ufw", "reload") // which leaves out some of the rules that enable makes
	save := func() string {
		var rules []string
		for _, tool := range []string{"iptables-save", "ip6tables-save"} {
			for line := range strings.Lines(j.run(tool, "-t", "filter")) {
				if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ":") { // times and counters
					rules = append(rules, tool+" "+line)
				}
			}
		}
		return strings.Join(rules, "")
	}
	want := Desired{Policy: Open, Ports: []string{"80/tcp", "8000-8010/udp", "4/ip", "47/ip"}, Answers: []string{"80/tcp@192.168.177.20"}}
	// Two ports; protocols in two families and answers in one, now and at boot.
	lives(t, j.Host.Host, want, 2+2*2*2+2, func() {
		opened := save()
		for _, rule := range []string{"-p tcp -m tcp --dport 80 -j ACCEPT", "-p gre -m comment", "-A ufw6-before-input", "-A ufw-before-forward -s 192.168.177.20/32 -p tcp -m tcp --sport 80"} {
			if !strings.Contains(opened, rule) {
				t.Errorf("no rule has %q:\n%s", rule, opened)
			}
		}
		j.run("ufw", "reload")
		if now := save(); now != opened {
			t.Errorf("a reload gives other rules:\n%s\nthan before:\n%s", now, opened)
		}
	}, func() string { return save() + j.files("/etc/ufw") })
}

func testFirewalld(t *testing.T, root string) {
	j := newJail(t, root)
	j.units[firewalld] = &unit{true, true}
	must(t, os.Mkdir(j.Path("/run/dbus"), 0o755))
	j.daemon("dbus-daemon", "--system", "--nofork", "--nopidfile")
	j.daemon("firewalld", "--nofork", "--nopid")
	for range 200 {
		if res, err := j.Host.Host.Run(t.Context(), "firewall-cmd", "--state"); err == nil && res.Code == 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	show := func() string {
		return j.run("firewall-cmd", "--list-all") + j.run("firewall-cmd", "--permanent", "--list-all")
	}
	want := Desired{Policy: Open, Ports: []string{"80/tcp", "4/ip"}, Answers: []string{"80/tcp@192.168.177.20"}, Tracked: true}
	// The answers are ESTABLISHED, which firewalld lets pass by itself.
	lives(t, j.Host.Host, want, 2*2, func() {
		rules := exec.Command("nft", "list", "table", "inet", "firewalld")
		out, err := rules.Output()
		must(t, err)
		_, forward, _ := strings.Cut(string(out), "chain filter_FORWARD {")
		_, forward, _ = strings.Cut(forward, "policy accept;")
		first, _, _ := strings.Cut(forward, " accept")
		if _, states, ok := strings.Cut(first, "ct state"); !ok || !strings.Contains(states, "established") {
			t.Errorf("firewalld does not let pass first what is known: %s", first)
		}
		j.run("firewall-cmd", "--reload")
	}, show)
}

// daemon starts a command of the root's that ends with the test.
func (j jail) daemon(argv ...string) {
	j.t.Helper()
	cmd := exec.Command("chroot", append([]string{j.Root}, argv...)...)
	must(j.t, cmd.Start())
	j.t.Cleanup(func() {
		// Gone already is as good.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

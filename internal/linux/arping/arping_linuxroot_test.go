//go:build linuxroot

package arping

import (
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test's own binary, started again in another network namespace, lies idle
// until its stdin ends: a namespace lives as long as a process in it does.
func TestMain(m *testing.M) {
	if os.Getenv("ARPING_TEST_IDLE") != "" {
		os.Stdin.Read(make([]byte, 1))
		return
	}
	os.Exit(m.Run())
}

// neighbour starts a process in a new network namespace and returns its pid,
// which ip(8) and nsenter(1) take for the namespace.
func neighbour(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ARPING_TEST_IDLE=1")
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	return strconv.Itoa(cmd.Process.Pid)
}

// sh runs a script in the namespace of the calling thread.
func sh(t *testing.T, script string, args ...string) string {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-ec", script, "sh"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// segment moves the test into a namespace of its own, with a bridge br0 that
// has 10.0.0.1/24 and two neighbours on it, 10.0.0.11 at ...:b1 and 10.0.0.12
// at ...:b2, each on its eth0. The thread is locked and never unlocked, so it
// dies with the test and takes the namespace with it.
func segment(t *testing.T) (n1, n2 string) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	n1, n2 = neighbour(t), neighbour(t)
	sh(t, `
ip link add br0 address 02:00:00:00:00:0a type bridge
ip addr add 10.0.0.1/24 dev br0
ip link set br0 up
i=0
for pid in "$@"; do
	i=$((i+1))
	ip link add v$i type veth peer name eth0 address 02:00:00:00:00:b$i netns $pid
	ip link set v$i master br0 up
	nsenter -t $pid -n sh -ec "
		ip link set lo up
		ip addr add 10.0.0.1$i/24 dev eth0
		ip link set eth0 up"
done
`, n1, n2)
	return n1, n2
}

// ask gives the answers, the MAC addresses of each separated by a space.
func ask(t *testing.T, wait time.Duration, questions ...Question) []string {
	t.Helper()
	var all []string
	for i, a := range Ask(t.Context(), questions, wait) {
		if a.Err != nil {
			t.Fatalf("%v: %v", questions[i], a.Err)
		}
		var macs []string
		for _, m := range a.MACs {
			macs = append(macs, m.String())
		}
		all = append(all, strings.Join(macs, " "))
	}
	return all
}

func who(t *testing.T, ifname, addr string) string {
	t.Helper()
	return ask(t, 400*time.Millisecond, Question{ifname, netip.MustParseAddr(addr)})[0]
}

// refusal is why an address cannot be asked for.
func refusal(t *testing.T, ifname string) error {
	t.Helper()
	return Ask(t.Context(), []Question{{ifname, netip.MustParseAddr("10.0.0.11")}}, time.Millisecond)[0].Err
}

const mac1, mac2 = "02:00:00:00:00:b1", "02:00:00:00:00:b2"

func TestWho(t *testing.T) {
	n1, n2 := segment(t)
	if got := who(t, "br0", "10.0.0.11"); got != mac1 {
		t.Errorf("10.0.0.11: %q", got)
	}
	if got := who(t, "", "10.0.0.12"); got != mac2 {
		t.Errorf("10.0.0.12 without an interface: %q", got)
	}
	if got := who(t, "br0", "10.0.0.99"); got != "" {
		t.Errorf("nobody's address: %q", got)
	}
	if got := who(t, "br0", "10.0.0.1"); got != "" {
		t.Errorf("our own address: %q", got)
	}

	// The mistake of a DR cluster: every real server answers for the VIP on lo.
	sh(t, `for pid in "$@"; do nsenter -t $pid -n ip addr add 10.0.0.100/32 dev lo; done`, n1, n2)
	if got := who(t, "br0", "10.0.0.100"); got != mac1+" "+mac2 {
		t.Errorf("VIP without ARP sysctls: %q", got)
	}
	sh(t, `nsenter -t $1 -n sysctl -qw net.ipv4.conf.all.arp_ignore=1`, n2)
	if got := who(t, "br0", "10.0.0.100"); got != mac1 {
		t.Errorf("VIP with arp_ignore on the second: %q", got)
	}
}

// TestAskAtOnce: a hundred questions take two waits, not a hundred, and each gets
// its own answer, also one that is asked twice.
func TestAskAtOnce(t *testing.T) {
	segment(t)
	var questions []Question
	for i := range 100 {
		questions = append(questions, Question{"br0", netip.AddrFrom4([4]byte{10, 0, 0, byte(2 + i)})})
	}
	questions = append(questions, Question{"", netip.MustParseAddr("10.0.0.12")})
	begin := time.Now()
	answers := ask(t, 400*time.Millisecond, questions...)
	if took := time.Since(begin); took < 800*time.Millisecond || took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	for i, got := range answers {
		want := map[string]string{"10.0.0.11": mac1, "10.0.0.12": mac2}[questions[i].Address.String()]
		if got != want {
			t.Errorf("%s: %q, want %q", questions[i].Address, got, want)
		}
	}
}

func TestWhoWithoutAnAddress(t *testing.T) {
	segment(t)
	sh(t, "ip addr flush dev br0")
	if got := who(t, "br0", "10.0.0.11"); got != mac1 {
		t.Errorf("probe with sender 0.0.0.0: %q", got)
	}
	if err := refusal(t, ""); err == nil || !strings.Contains(err.Error(), "no interface of this host") {
		t.Errorf("no interface holds it: %v", err)
	}
}

func TestWhoRefuses(t *testing.T) {
	segment(t)
	sh(t, "ip link add d0 type bridge")
	for ifname, says := range map[string]string{
		"nosuch0": `no interface "nosuch0"`,
		"lo":      "no Ethernet link",
		"d0":      "interface d0 is down",
	} {
		if err := refusal(t, ifname); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", ifname, err)
		}
	}
	if err := Announce("br0", netip.MustParseAddr("2001:db8::1")); err == nil || !strings.Contains(err.Error(), "not an IPv4 address") {
		t.Errorf("IPv6: %v", err)
	}
}

// A neighbour that has the address in its cache at another MAC turns to ours.
func TestAnnounce(t *testing.T) {
	n1, _ := segment(t)
	sh(t, `nsenter -t $1 -n ip neigh replace 10.0.0.100 lladdr 02:00:00:00:00:ff dev eth0 nud stale`, n1)
	if err := Announce("br0", netip.MustParseAddr("10.0.0.100")); err != nil {
		t.Fatal(err)
	}
	cache := ""
	for range 50 {
		if cache = sh(t, `nsenter -t $1 -n ip neigh show 10.0.0.100`, n1); strings.Contains(cache, "02:00:00:00:00:0a") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the neighbour still has %q", cache)
}

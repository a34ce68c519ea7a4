//go:build linuxroot

package fleet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain is also what runs inside, and what becomes a host.
func TestMain(m *testing.M) {
	inside, args := Main()
	if inside && strings.HasPrefix(args[0], "-test.") { // a test that runs inside
		os.Args = append(os.Args[:1], args...)
	}
	if !inside || strings.HasPrefix(args[0], "-test.") {
		os.Exit(m.Run())
	}
	if err := tryFleet(args[0]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tryFleet does what TestFleet judges. It prints what the hosts say.
func tryFleet(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	f, err := New(dir)
	if err != nil {
		return err
	}
	for range 2 { // a fleet takes the place of the one before
		if err := f.Up(ctx, 3); err != nil {
			return err
		}
	}
	for _, h := range f.Hosts {
		out, err := exec.CommandContext(ctx, "ssh", "-F", f.SSHConfig, h.Name,
			"hostname; cat /proc/sys/kernel/random/boot_id; ip -br link show "+EthData+
				"; touch /etc/lvsup-was-here; echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo x >/proc/sys/kernel/panic").CombinedOutput()
		fmt.Printf("%s%v\n", out, err)
	}
	said, err := f.Exec(ctx, f.Hosts[2], "cat", "/etc/lvsup-was-here", "/proc/sys/net/ipv4/conf/all/arp_ignore")
	fmt.Println(said, err)
	if bytes, err := f.Traffic(); err != nil || bytes < 10_000 {
		return fmt.Errorf("traffic: %d, %v", bytes, err)
	}
	return nil
}

// TestFleet brings hosts up, logs in, and looks at what stays.
func TestFleet(t *testing.T) {
	before, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe", argInside, dir)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := enter(cmd); err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
	text := said.String()
	for _, want := range []string{"node0001\n", "node0002\n", "node0003\n"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there once", want)
		}
	}
	boots := map[string]bool{}
	for _, line := range strings.Fields(text) {
		if len(line) == 36 && strings.Count(line, "-") == 4 {
			boots[line] = true
		}
	}
	if len(boots) != 3 {
		t.Errorf("%d boot IDs", len(boots))
	}
	if strings.Count(text, EthData+"@") != 3 || !strings.Contains(text, "Read-only file system") {
		t.Error("the hosts are not as they should be")
	}
	if t.Failed() {
		t.Log(text)
	}
	if _, err := os.Stat("/etc/lvsup-was-here"); err == nil {
		t.Error("a host wrote to the machine's files")
	}
	after, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Errorf("mounts before:\n%safter:\n%s", before, after)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

//go:build linuxroot

package procsys

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadersAgree lets systemd-sysctl and sysctl(8) themselves read each case
// of the table, in a mount namespace where /etc/sysctl.d holds nothing else and
// a network namespace of its own.
func TestReadersAgree(t *testing.T) {
	readers := map[Reader]string{Systemd: "/lib/systemd/systemd-sysctl", Procps: "sysctl --system"}
	for name, c := range effectiveCases() {
		for r, command := range readers {
			t.Run(name+"/"+string(r), func(t *testing.T) {
				dir := t.TempDir()
				for i, text := range c.files {
					if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.conf", i)), []byte(text+"\n"), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want := c.want
				if r == Procps && c.procps != "" {
					want = c.procps
				}
				_, value, _ := strings.Cut(want, "=")
				// A value that nothing sets must stay what it was, whatever it was.
				before := "0"
				switch value {
				case "", "excluded":
					value = before
				case "0":
					before = "1"
				}
				script := `set -e
mount --bind "$1" /etc/sysctl.d
for d in /run/sysctl.d /usr/local/lib/sysctl.d /usr/lib/sysctl.d /lib/sysctl.d; do
	[ ! -d $d ] || mount -t tmpfs none $d
done
[ ! -e /etc/sysctl.conf ] || mount --bind /dev/null /etc/sysctl.conf
sysctl -qw "$2=$3"
` + command + ` >/dev/null 2>&1 || :
sysctl -n "$2"`
				cmd := exec.Command("unshare", "--mount", "--net", "sh", "-c", script, "sh", dir, c.name, before)
				out, err := cmd.CombinedOutput()
				if got := strings.TrimSpace(string(out)); err != nil || got != value {
					t.Errorf("%s made it %q (%v); want %q", command, got, err, value)
				}
			})
		}
	}
}

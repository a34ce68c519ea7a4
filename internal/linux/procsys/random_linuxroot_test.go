//go:build linuxroot

package procsys

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// judged are the parameters that a random table of files may set, in the order
// in which the judge prints them: of all interfaces, of those that come later,
// and of one whose name has a dot.
func judged() []string {
	return []string{
		"net.ipv4.conf.all.rp_filter", "net.ipv4.conf.d0.rp_filter", "net.ipv4.conf.d0/5.rp_filter",
		"net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.d0.arp_ignore", "net.ipv4.conf.d0/5.arp_ignore",
	}
}

// untouched is what the parameters are before the files are read; no file sets
// it.
const untouched = "0"

// randomTree writes a random table of files below root: names that hide one
// another in different directories, links, masks, patterns, exclusions,
// and odd spellings of names where the reader looks at what they mean.
func randomTree(r *rand.Rand, root string, odd bool) error {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	line := func() string {
		name := pick(
			pick(judged()...), pick(judged()...), swap.Replace(pick(judged()...)),
			"net.ipv4.conf.*.rp_filter", "net.ipv4.conf.*.arp_ignore", "net.ipv4.conf.d*.rp_filter", "net/ipv4/conf/d?.5/arp_ignore",
			"net.ipv4.conf.[!a]*.rp_filter", "net.ipv4.*.d0.rp_filter", "net.ipv4.conf.d0.*", "net.ipv4.conf.*.*_filter", "net.ipv4.conf.nic9.rp_filter",
			"net.ipv4.conf.d0.5.rp_filter",
		)
		if odd && r.IntN(8) == 0 {
			name = pick("net/ipv4//conf/d0/rp_filter", "/"+swap.Replace(pick(judged()...)), "//net/ipv4/conf/d*/rp_filter")
		}
		switch r.IntN(8) {
		case 0:
			if !odd && strings.ContainsAny(name, "*?[") {
				return "# releases of procps differ"
			}
			return "-" + name
		case 1:
			return pick("# ", ";", "") + name + pick("=1", "")
		case 2:
			return "-" + name + " = " + pick("1", "2")
		}
		return pick("", " \t") + name + pick("=", " = ", "\t=") + pick("1", "2", "2 ", "1")
	}
	text := func() string {
		var b strings.Builder
		for range r.IntN(4) {
			b.WriteString(line() + "\n")
		}
		return b.String() + line() + pick("\n", "")
	}
	if err := os.MkdirAll(filepath.Join(root, "usr/lib"), 0o755); err != nil {
		return err
	}
	if err := os.Symlink("usr/lib", filepath.Join(root, "lib")); err != nil {
		return err
	}
	for _, dir := range append(directories(), "/etc/alt") {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	if r.IntN(2) == 0 {
		if err := os.WriteFile(filepath.Join(root, Conf), []byte(text()), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(root, "/etc/alt/real"), []byte(text()), 0o644); err != nil {
		return err
	}
	for _, dir := range directories()[:4] { // the last is the fourth by another name
		for _, name := range []string{"10-a.conf", "50-b.conf", "99-sysctl.conf", "zz.conf", ".hid.conf", "README"} {
			p := filepath.Join(root, dir, name)
			var err error
			switch r.IntN(12) {
			case 0, 1, 2:
				err = os.WriteFile(p, []byte(text()), 0o644)
			case 3:
				err = os.Symlink(pick(os.DevNull, "/etc/alt/real", "/etc/sysctl.conf", "../sysctl.conf", "nowhere", "50-b.conf", "/etc/alt"), p)
			case 4:
				err = os.WriteFile(p, nil, 0o644)
			case 5:
				err = os.Mkdir(p, 0o755)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// judge lets a reader find each tree under /etc, /run and /usr, in a root that
// has the machine's programs otherwise, and prints a line of what the parameters
// are after it.
const judge = `set -e
root=$1; command=$2; shift 2
ip link add d0 type veth peer name d0.5
mkdir -p $root/usr $root/etc $root/run $root/proc $root/dev
for l in bin sbin lib lib64; do [ ! -L /$l ] || ln -sfn $(readlink /$l) $root/$l; done
mount --rbind /usr $root/usr; mount --rbind /proc $root/proc; mount --rbind /dev $root/dev
mount -t tmpfs none $root/usr/local/lib; mkdir $root/usr/local/lib/sysctl.d
values="all/rp_filter d0/rp_filter d0.5/rp_filter all/arp_ignore d0/arp_ignore d0.5/arp_ignore"
cd /proc/sys/net/ipv4/conf
for tree; do
	for d in etc run usr/lib/sysctl.d usr/local/lib/sysctl.d; do mount --bind $tree/$d $root/$d; done
	for v in $values; do echo 0 >$v; done
	chroot $root $command >/dev/null 2>&1 || :
	echo $(cat $values)
	for d in etc run usr/lib/sysctl.d usr/local/lib/sysctl.d; do umount $root/$d; done
done`

// TestRandomTables lets the real readers judge random tables of files.
func TestRandomTables(t *testing.T) {
	cases := 60
	if os.Getenv("LVSUP_SOAK") != "" {
		cases = 400
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for reader, command := range map[Reader]string{Systemd: "/lib/systemd/systemd-sysctl", Procps: "sysctl --system"} {
		t.Run(string(reader), func(t *testing.T) {
			dir, root := t.TempDir(), t.TempDir()
			args := []string{"--mount", "--net", "sh", "-c", judge, "sh", root, command}
			for i := range cases {
				tree := filepath.Join(dir, fmt.Sprint(i))
				if err := randomTree(r, tree, reader == Systemd); err != nil {
					t.Fatal(err)
				}
				args = append(args, tree)
			}
			out, err := exec.Command("unshare", args...).CombinedOutput()
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if err != nil || len(lines) != cases {
				t.Fatalf("%v\n%s", err, out)
			}
			for i, line := range lines {
				tree := filepath.Join(dir, fmt.Sprint(i))
				if got := strings.Join(predicted(t, tree, reader), " "); got != line {
					t.Errorf("it made %s, and not %s, of\n%s", line, got, show(tree))
				}
			}
		})
	}
}

// predicted is what this package says that the reader makes of the tree.
func predicted(t *testing.T, tree string, reader Reader) []string {
	t.Helper()
	files, err := Files(tree, reader)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, name := range judged() {
		s, ok := Effective(reader, files, name)
		if !ok || s.Excluded {
			s.Value = untouched
		}
		values = append(values, s.Value)
	}
	return values
}

// show prints the tree's files as they would be typed.
func show(tree string) string {
	out, err := exec.Command("sh", "-c", `cd $1; for f in etc/sysctl.conf etc/alt/real $(find . -path './*sysctl.d/*' | sort); do
		echo "== $f $(readlink $f)"; [ -L $f ] || cat $f; echo; done`, "sh", tree).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

//go:build lab

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var only = flag.String("script", "", "run only the scripts whose name holds this")

// TestScripts runs the real lvsup, as `make build` left it, against labs of
// real kernels. Each script says with `lab` which cluster it wants, and gets
// bare hosts of its own. What lvsup did is judged by commands in the guests.
//
// Commands beside testscript's own:
//
//	lab nat|dr [FLAG...]      boot a lab with the flags of lab up, as --inband or
//	                          --stack networkd; sets $F (ssh_config), $PLAN (a
//	                          copy of the example plan, to be edited) and $LAB; a
//	                          name that ends in .hcl is a plan of the script's own
//	exits CODE PROGRAM ARG... run a program; it must end with that exit code
//	on HOST COMMAND...        run a command in a guest; its output is stdout's
//	eventually SECONDS HOST COMMAND...  retry a command in a guest until it succeeds
//	snapshot FILE HOST...     write down all that lvsup may change on the hosts
//	power-cycle HOST...       cut the power of guests and wait for their sshd
//	edit FILE OLD NEW         replace OLD, which must be there, by NEW
//	diagnosed CODE HOST [ARG...]  doctor must find this on that host, and nothing else
//	mend                      type the commands that doctor named
//	cable HOST NIC [BRIDGE]   plug a card in elsewhere, or pull its cable
//	json FILE PATH VALUE      a value in a JSON document, as in plan.hosts.0.host
func TestScripts(t *testing.T) {
	t.Parallel() // with the kill test
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(root, "bin")
	if _, err := os.Stat(filepath.Join(bin, "lvsup")); err != nil {
		t.Fatalf("the scripts run the real lvsup: run `make build` first (%v)", err)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts(t),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+":"+os.Getenv("PATH"))
			env.Setenv("ROOT", root)
			env.Setenv("HOME", env.WorkDir)
			// The lab's image is built once, not once a script.
			env.Setenv("XDG_CACHE_HOME", cacheHome(t))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lab": cmdLab, "exits": cmdExits, "on": cmdOn, "eventually": cmdEventually,
			"snapshot": cmdSnapshot, "power-cycle": cmdPowerCycle, "edit": cmdEdit,
			"interrupt": cmdInterrupt, "begin": cmdBegin, "finish": cmdFinish,
			"json": cmdJSON, "typed": cmdTyped, "state": cmdState, "diagnosed": cmdDiagnosed, "mend": cmdMend, "cable": cmdCable,
		},
	})
}

// scripts are the files to run: those of testdata/script, with LVSUP_SOAK those
// of testdata/soak too, or with -script what has that in its name of both.
func scripts(t *testing.T) []string {
	pattern, dirs := "*", []string{"script"}
	if *only != "" {
		pattern = "*" + *only + "*"
	}
	if *only != "" || os.Getenv("LVSUP_SOAK") != "" {
		dirs = append(dirs, "soak")
	}
	var files []string
	for _, dir := range dirs {
		found, err := filepath.Glob(filepath.Join("testdata", dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Fatalf("no script has %q in its name", *only)
	}
	return files
}

func cacheHome(t *testing.T) string {
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func cmdLab(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: lab nat|dr|FILE.hcl [FLAG...]")
	}
	plan := ts.MkAbs(strings.TrimSuffix(args[0], ".hcl") + ".hcl")
	if plan != ts.MkAbs(args[0]) {
		data, err := os.ReadFile(filepath.Join(ts.Getenv("ROOT"), "plans", "examples", filepath.Base(plan)))
		ts.Check(err)
		ts.Check(os.WriteFile(plan, data, 0o600))
	}
	name := "t-" + strings.TrimPrefix(ts.Name(), "script-")
	_ = ts.Exec("lvsup", "lab", "down", name) // left by a run that was killed
	ts.Defer(func() {
		if err := ts.Exec("lvsup", "lab", "down", name); err != nil {
			ts.Logf("cannot take the lab down: %v", err)
		}
	})
	ts.Check(ts.Exec("lvsup", append([]string{"lab", "up", "--name", name, plan}, args[1:]...)...))
	ts.Setenv("LAB", name)
	ts.Setenv("PLAN", plan)
	ts.Setenv("F", filepath.Join("/run/lvsup-lab", name, "ssh_config"))
}

func guest(ts *testscript.TestScript, host string, argv []string) error {
	return ts.Exec("lvsup", append([]string{"lab", "exec", "--lab", ts.Getenv("LAB"), host, "--"}, argv...)...)
}

func cmdOn(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: on HOST COMMAND...")
	}
	err := guest(ts, args[0], args[1:])
	switch {
	case err != nil && !neg:
		ts.Fatalf("%s on %s: %v", strings.Join(args[1:], " "), args[0], err)
	case err == nil && neg:
		ts.Fatalf("%s on %s succeeded", strings.Join(args[1:], " "), args[0])
	}
}

func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: eventually SECONDS HOST COMMAND...")
	}
	seconds, err := strconv.Atoi(args[0])
	ts.Check(err)
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(300 * time.Millisecond) {
		if err = guest(ts, args[1], args[2:]); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s on %s: not within %d s: %v", strings.Join(args[2:], " "), args[1], seconds, err)
		}
	}
}

// inventory prints what lvsup may change on a host, without what changes by
// itself: counters, leases, logs. That rc-local has run since the last boot, and
// that systemd has read its units again since rc.local is there, is history, not
// state.
const inventory = `
find /etc /var/www /usr/local /root /var/lib/lvsup /run/lvsup -xdev ! -name .bash_history ! -path /etc/ld.so.cache \
	-printf '%p %y %m %u %l\n' 2>/dev/null | sort
find /etc /var/www /usr/local /root /var/lib/lvsup -xdev -type f ! -name .bash_history ! -path /etc/ld.so.cache \
	-print0 2>/dev/null | sort -z | xargs -0 sha256sum
ip -br address | grep -v '^mgmt'
ip -o link | sed 's/ qlen.*//; s/^[0-9]*: //; s/,LOWER_UP//; s/ state [A-Z]*//; s/ qdisc [a-z_]*//' | grep -v '^mgmt'
ip route | grep -v mgmt
sysctl net.ipv4.ip_forward net.ipv4.conf.all.arp_ignore net.ipv4.conf.all.arp_announce
grep -q '^ip_vs ' /proc/modules && ipvsadm -S -n
systemctl is-enabled apache2 lvsup-restore lvsup-vip 2>&1 | sed 's/^Failed.*/none/'
systemctl is-active apache2 lvsup-restore lvsup-vip
dpkg-query -W
true`

func cmdSnapshot(ts *testscript.TestScript, neg bool, args []string) {
	onAll(ts, neg, args, inventory)
}

// onAll writes into the first argument, a file, what a script prints on the hosts that the
// others name.
func onAll(ts *testscript.TestScript, neg bool, args []string, script string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: snapshot|state FILE HOST...")
	}
	var all strings.Builder
	for _, host := range args[1:] {
		ts.Check(guest(ts, host, []string{"sh", "-c", script}))
		fmt.Fprintf(&all, "== %s\n%s", host, ts.ReadFile("stdout"))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(all.String()), 0o600))
}

func cmdPowerCycle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: power-cycle HOST...")
	}
	for _, host := range args {
		ts.Check(ts.Exec("lvsup", "lab", "power-cycle", "--lab", ts.Getenv("LAB"), host))
	}
}

func cmdEdit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	file := ts.MkAbs(args[0])
	data, err := os.ReadFile(file)
	ts.Check(err)
	// Scripts are lines: \n stands for a line end.
	old, fresh := strings.ReplaceAll(args[1], `\n`, "\n"), strings.ReplaceAll(args[2], `\n`, "\n")
	if strings.Count(string(data), old) == 0 {
		ts.Fatalf("%s does not hold %q", args[0], old)
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(string(data), old, fresh, 1)), 0o600))
}

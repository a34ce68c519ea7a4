//go:build linuxroot

package fleet

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// within is what a test is told where it runs inside a fleet's namespaces: the
// directory of its files.
var within = flag.String("within", "", "for a test itself: the `directory` of the fleet that it is inside of")

// inside runs the calling test anew, inside, with the real lvsup in LVSUP_PROGRAM.
func inside(t *testing.T) {
	t.Helper()
	lvsup, err := os.ReadFile("../../bin/lvsup")
	if err != nil {
		t.Fatalf("the test runs the real lvsup: run `make build` first (%v)", err)
	}
	// A copy: a build in between would push another agent.
	program := filepath.Join(t.TempDir(), "lvsup")
	if err := os.WriteFile(program, lvsup, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", argInside, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=20m", "-within="+t.TempDir())
	cmd.Env = append(os.Environ(), "LVSUP_PROGRAM="+program)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := enter(cmd); err != nil {
		t.Fatal(err)
	}
}

// shell is a login shell in which all runs as usual, but for what a host is said to be,
// and for which file is run as the agent.
const shell = `#!/bin/sh
PATH=/root/before:$PATH
[ ! -e /root/agent ] || set -- "$1" "$(echo "$2" | sed 's#[^ ]*/agent-[0-9a-f]* serve#/root/agent serve#g')"
exec /bin/sh "$@"
`

// TestAgents has the real lvsup find agents that are not as it left them, and a host
// that is another machine than this one.
func TestAgents(t *testing.T) {
	if *within == "" {
		inside(t)
		return
	}
	f, err := New(*within)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Up(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Down() })
	on := func(script string) string {
		t.Helper()
		said, err := f.Exec(context.Background(), f.Hosts[0], "sh", "-c", script)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(said)
	}
	plan := filepath.Join(*within, "plan.hcl")
	if err := os.WriteFile(plan, []byte("cluster \"one\" {}\nhost \"node0001\" {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() ([]byte, error) {
		return exec.Command(os.Getenv("LVSUP_PROGRAM"), "-F", f.SSHConfig, "plan", plan).CombinedOutput()
	}
	lvsup := func(wants string) {
		t.Helper()
		said, err := run()
		if (err == nil) != (wants == "") || !strings.Contains(string(said), wants) {
			t.Errorf("%v: %s; want %q", err, said, wants)
		}
	}
	const file, sum = "/usr/local/libexec/lvsup/agent-*", "sha256sum /usr/local/libexec/lvsup/agent-*"
	lvsup("")
	good := on(sum)

	on("for f in " + file + "; do echo x >>$f; done")
	lvsup("")
	if now := on(sum); now != good {
		t.Errorf("a damaged agent stays: %s, %s", now, good)
	}

	on("chown 65534 " + file)
	lvsup("")
	if owner := on("stat -c %u " + file); owner != "0" {
		t.Errorf("the agent was run, and belongs to user %s", owner)
	}

	on("chown 65534 /usr/local/libexec/lvsup")
	lvsup("belongs to another user")
	on("chown 0 /usr/local/libexec/lvsup")

	on("cat >/root/sh <<'EOF'\n" + shell + "EOF\nchmod 0700 /root/sh; sed -i 's#^root:.*#root:x:0:0::/root:/root/sh#' /etc/passwd; cp " + file + " /root/agent; echo x >>/root/agent")
	lvsup("is not what was pushed")

	on("rm -f /root/agent " + file + "; mkdir /root/before; printf '#!/bin/sh\\necho aarch64\\n' >/root/before/uname; chmod 0700 /root/before/uname")
	_, _ = run() // it need not run here

	// At e_machine (elf(5)) is EM_AARCH64.
	if machine := on("od -An -tu2 -j18 -N2 " + file); machine != "183" {
		t.Errorf("the agent for aarch64 is for machine %s", machine)
	}
}

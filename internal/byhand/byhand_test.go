package byhand

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func change(a step.Action, key string) step.Change {
	return step.Change{Action: a, ID: step.ID{Key: key}}
}

// sample has a director and a real server whose commands append to the file out.
func sample(out string) *plans.Plan {
	say := func(words ...string) []string {
		return []string{"echo " + strings.Join(words, " ") + " >> " + shell.Quote(out)}
	}
	return &plans.Plan{Cluster: "web", Hosts: []plans.HostPlan{
		{Host: "lb", Role: plans.RoleDirector, Kinds: []wire.KindChanges{
			{Kind: "ipvs", Changes: []step.Change{change(step.Delete, "old"), change(step.Create, "new")}, Commands: [][]string{say("removed"), say("added")}},
			{Kind: "address", Changes: []step.Change{change(step.Adopt, "there"), change(step.Update, "here")}, Commands: [][]string{nil, say("address")}},
		}},
		{Host: "node1", Role: plans.RoleRealServer},
	}}
}

// run runs a script as if by root.
func run(t *testing.T, path string) (stderr string, code int) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "id() { echo 0; }\n"+string(text), path)
	var said strings.Builder
	cmd.Stderr = &said
	_ = cmd.Run()
	return said.String(), cmd.ProcessState.ExitCode()
}

func TestScriptsRunInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "to", "scripts")
	out := filepath.Join(t.TempDir(), "it's out")
	paths, err := Write(dir, sample(out), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(dir, "node1.sh"), filepath.Join(dir, "lb.sh")}; !cmp.Equal(want, paths) {
		t.Errorf("order: %q", paths)
	}
	for _, path := range paths {
		if said, code := run(t, path); code != 0 || said != "" {
			t.Errorf("%s: exit %d\n%s", path, code, said)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v %v", path, info.Mode(), err)
		}
	}
	got, err := os.ReadFile(out)
	if err != nil || string(got) != "address\nadded\nremoved\n" {
		t.Errorf("%q %v", got, err)
	}
	destroy := sample(out)
	destroy.Destroy = true
	if got := Order(destroy); got[0] != "lb" {
		t.Errorf("a destroy begins with %s", got[0])
	}
}

// A script stops at what fails, and says where; one that leaves something to a
// person ends with 3.
func TestScriptsTellHowTheyEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		commands []string
		code     int
		said     string
	}{
		"fails":     {[]string{"false", "echo never >&2"}, 1, "stopped in stage address"},
		"sensitive": {[]string{plans.Concealed}, 3, "left to you: /etc/x"},
		"no word":   {[]string{"# ip(8) has none"}, 3, "left to you: /etc/x"},
	} {
		p := &plans.Plan{Hosts: []plans.HostPlan{{Host: "a", Kinds: []wire.KindChanges{{
			Kind: "address", Changes: []step.Change{change(step.Update, "/etc/x")}, Commands: [][]string{tt.commands},
		}}}}}
		paths, err := Write(t.TempDir(), p, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		said, code := run(t, paths[0])
		if code != tt.code || !strings.Contains(said, tt.said) || strings.Contains(said, "never") {
			t.Errorf("%s: exit %d\n%s", name, code, said)
		}
	}
}

// A tool that a host may lack is looked for before anything is changed, but for the
// packages that may bring it.
func TestToolsAreLookedFor(t *testing.T) {
	p := &plans.Plan{Hosts: []plans.HostPlan{{Host: "a", Role: plans.RoleDirector, Kinds: []wire.KindChanges{
		{Kind: "packages", Changes: []step.Change{change(step.Create, "ipvsadm")}, Commands: [][]string{{"install it"}}},
		{Kind: "ipvs", Changes: []step.Change{change(step.Create, "x")}, Commands: [][]string{{"ipvsadm -A"}}},
	}}}}
	text, err := Script(p, p.Hosts[0], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	install, check, use := strings.Index(text, "\ninstall it"), strings.Index(text, "\nfor tool in ipvsadm; do"), strings.Index(text, "\nipvsadm -A")
	if install < 0 || check < install || use < check {
		t.Errorf("%d %d %d in\n%s", install, check, use, text)
	}
}

func TestWhatIsNotReplaced(t *testing.T) {
	p := sample("/dev/null")
	for name, spoil := range map[string]string{"foreign": "#!/bin/sh\necho mine\n", "empty": "", "edited": "+"} {
		dir := t.TempDir()
		for range 2 { // what lvsup wrote is replaced
			if _, err := Write(dir, p, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "lb.sh")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if spoil == "+" {
			spoil = string(text) + "echo more\n"
		}
		if err := os.WriteFile(path, []byte(spoil), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Write(dir, p, time.Now()); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(path); string(after) != spoil {
			t.Errorf("%s: replaced", name)
		}
	}
}

// A host cannot put into its script what a terminal would obey.
func TestHostileCommands(t *testing.T) {
	p := sample("/dev/null")
	p.Hosts[0].Kinds[0].Commands[0] = []string{"echo \x1b[2J"}
	if _, err := Script(p, p.Hosts[0], time.Now()); err == nil {
		t.Error("accepted")
	}
}

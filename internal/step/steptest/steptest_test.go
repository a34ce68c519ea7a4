package steptest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// notes is a kind of named notes, kept in memory.
type notes struct {
	*Host
	have   map[string]string
	broken string
}

func (f *notes) Snapshot() string {
	var b strings.Builder
	for _, k := range []string{"a", "b", "c", "theirs"} {
		if v, ok := f.have[k]; ok {
			fmt.Fprintf(&b, "%s=%s\n", k, v)
		}
	}
	return b.String() + f.Host.Snapshot()
}

func (f *notes) Kind() step.Any {
	return step.Erase(step.Kind[map[string]string, step.State]{
		Name:     "notes",
		Validate: func(map[string]string) error { return nil },
		Observe: func(context.Context, map[string]string, step.Owned) (step.State, error) {
			if f.broken == "observe writes" {
				f.have["c"] += "x"
			}
			have := step.State{}
			for k, v := range f.have {
				have[step.ID{Key: k}] = v
			}
			return have, nil
		},
		Diff: func(want map[string]string, owned step.Owned, have step.State) []step.Change {
			wanted := step.State{}
			for k, v := range want {
				wanted[step.ID{Key: k}] = v
			}
			changes := step.Reconcile(wanted, owned, have)
			switch f.broken {
			case "random order":
				shuffled := map[string]step.Change{}
				for _, c := range changes {
					shuffled[c.Key] = c
				}
				changes = changes[:0]
				for c := range maps.Values(shuffled) {
					changes = append(changes, c)
				}
			case "deletes the foreign":
				if _, there := f.have["theirs"]; there {
					changes = append(changes, step.Change{Action: step.Delete, ID: step.ID{Key: "theirs"}})
				}
			case "never adopts":
				changes = append(changes, step.Change{Action: step.Update, ID: step.ID{Key: "b"}, To: have[step.ID{Key: "b"}]})
			}
			return changes
		},
		Apply: func(ctx context.Context, _ map[string]string, changes []step.Change) (int, error) {
			for i, c := range changes {
				if err := ctx.Err(); err != nil && f.broken != "deaf" {
					return i, err
				}
				if f.broken == "half writes" && c.Action.Mutates() {
					f.have[c.Key] = "half"
				}
				if err := f.Write(); err != nil {
					return i, err
				}
				switch c.Action {
				case step.Create, step.Update:
					f.have[c.Key] = c.To
				case step.Restore:
					if f.broken != "no restore" {
						f.have[c.Key] = c.To
					}
				case step.Delete:
					delete(f.have, c.Key)
				}
			}
			return len(changes), nil
		},
		Commands: func(_ map[string]string, c step.Change) []string { return []string{c.ID.String()} },
	})
}

func conformNotes(t *testing.T, broken string) {
	Conform(t, func(t *testing.T) Fake {
		h := NewHost(t, map[string]string{"/bin/x*": "#!/bin/sh\n", "/etc/l": "-> x"}, nil)
		return &notes{h, map[string]string{"theirs": "0", "b": "1"}, broken}
	}, []Case{{
		Name: "notes",
		Plans: []any{
			map[string]string{"a": "1", "b": "2"},
			map[string]string{"b": "3", "c": "1"},
		},
		Foreign: func(f Fake) string { return f.(*notes).have["theirs"] },
		Meddle:  func(_ *testing.T, f Fake) { f.(*notes).have["c"] = "meddled" },
	}, {
		Name:   "adopts",
		Plans:  []any{map[string]string{"b": "1"}},
		Adopts: true,
	}})
}

func TestConform(t *testing.T) { conformNotes(t, "") }

// TestBroken is run by TestConformFinds in a process of its own.
func TestBroken(t *testing.T) { conformNotes(t, os.Getenv("LVSUP_BROKEN")) }

func TestConformFinds(t *testing.T) {
	for broken, says := range map[string]string{
		"observe writes":      "observing wrote to the host",
		"random order":        "two diffs of one state differ",
		"deletes the foreign": "what is foreign was touched",
		"never adopts":        "there is still to do",
		"deaf":                "with an ended context",
		"half writes":         "the host is not as it was",
		"no restore":          "the host is not as it was",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$")
		cmd.Env = append(os.Environ(), "LVSUP_BROKEN="+broken)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || !strings.Contains(string(out), says) {
			t.Errorf("a kind that is broken (%s): %v; want a failure that says %q in\n%.3000s", broken, err, says, out)
		}
	}
}

func TestHostRecordsCommands(t *testing.T) {
	h := NewHost(t, nil, func(argv []string) host.Result { return host.Result{Code: len(argv)} })
	res, err := h.Run(context.Background(), "systemctl", "daemon-reload")
	if err != nil || res.Code != 2 || len(h.Ran) != 1 || h.Ran[0] != "systemctl daemon-reload" {
		t.Errorf("got %v, %v, ran %q", res, err, h.Ran)
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lvsup": main})
}

// TestCLI runs the scripts that need no host: the real main, in a process of its
// own. Commands beside testscript's own:
//
//	exits CODE PROGRAM ARG... run a program; it must end with that exit code
//	json FILE PATH VALUE      a value in the result, as in plan.hosts.0.host: in the
//	                          last line of a stream of JSON, or the one document
//	atonce FILE CLUSTER...    a stream of JSON is about these clusters, in this order and
//	                          not mixed, and all were begun before the first was done
//	unprivileged ARG...       run lvsup as an ordinary user; it must fail
func TestCLI(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/cli",
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "json": cmdJSON, "atonce": cmdAtOnce, "unprivileged": cmdUnprivileged,
		},
	})
}

// cmdUnprivileged drops root's rights where the tests run with them.
func cmdUnprivileged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: unprivileged ARG...")
	}
	program, err := exec.LookPath("lvsup")
	ts.Check(err)
	argv := append([]string{program}, args...)
	if os.Geteuid() == 0 {
		// Testscript keeps the program where only root may look.
		ts.Check(os.Chmod(filepath.Dir(filepath.Dir(program)), 0o755))
		argv = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, argv...)
	}
	err = ts.Exec(argv[0], argv[1:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		ts.Fatalf("%v: %v", argv, err)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// cmdJSON checks one value of a stream's last line, whose other lines must be JSON
// too, or of a document over several lines. The path's steps are names and indexes
// with dots between them.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: json FILE PATH VALUE")
	}
	var value any
	ts.Check(lastJSON(ts.ReadFile(args[0]), &value))
	for _, name := range strings.Split(args[1], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(v) {
				ts.Fatalf("%s: %q is no index of a list of %d", args[1], name, len(v))
			}
			value = v[i]
		default:
			ts.Fatalf("%s: nothing is at %q", args[1], name)
		}
	}
	if got := fmt.Sprint(value); got != args[2] {
		ts.Fatalf("%s is %q, want %q", args[1], got, args[2])
	}
}

// cmdAtOnce judges by the times in the stream.
func cmdAtOnce(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: atonce FILE CLUSTER...")
	}
	var order []string
	var lastBegun, firstDone time.Time
	in := ""
	for d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0]))); d.More(); {
		var line struct {
			Type, Cluster, Host string
			Time                time.Time
		}
		ts.Check(d.Decode(&line))
		switch line.Type {
		case "begin":
			in = line.Cluster
			order = append(order, line.Cluster)
			lastBegun = line.Time
		case "cluster":
			if line.Cluster != in {
				ts.Fatalf("the result of %s is told in %s", line.Cluster, in)
			}
			if firstDone.IsZero() {
				firstDone = line.Time
			}
		default:
			if module, _, _ := strings.Cut(in, "-"); line.Host != "" && !strings.HasPrefix(line.Host, module+"-") {
				ts.Fatalf("%s is told in %s", line.Host, in)
			}
		}
	}
	if !slices.Equal(order, args[1:]) {
		ts.Fatalf("the clusters are %v, want %v", order, args[1:])
	}
	if lastBegun.Before(firstDone) == neg {
		ts.Fatalf("the first cluster was done at %v, the last begun at %v", firstDone, lastBegun)
	}
}

// lastJSON decodes the last JSON value of a text that holds nothing else.
func lastJSON(text string, value any) error {
	var last json.RawMessage
	for in := json.NewDecoder(strings.NewReader(text)); ; {
		var one json.RawMessage
		err := in.Decode(&one)
		if errors.Is(err, io.EOF) && last != nil {
			return json.Unmarshal(last, value)
		}
		if err != nil {
			return fmt.Errorf("this is not a stream of JSON: %w", err)
		}
		last = one
	}
}

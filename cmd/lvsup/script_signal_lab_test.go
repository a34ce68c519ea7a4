//go:build lab

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdInterrupt runs lvsup and sends it SIGINT, as Ctrl-C does, when a line of
// its progress begins with a text. The script's progress is in the file interrupted.
//
//	interrupt [-twice] [-after TIME] CODE TEXT ARG...   lvsup must end with that exit code
//
// With -after it waits a while first, with -twice it sends another one when lvsup
// says what it waits for. What lvsup prints is in the file result.
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	twice := len(args) > 0 && args[0] == "-twice"
	if twice {
		args = args[1:]
	}
	var after time.Duration
	if len(args) > 1 && args[0] == "-after" {
		var err error
		after, err = time.ParseDuration(args[1])
		ts.Check(err)
		args = args[2:]
	}
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt [-twice] [-after TIME] CODE TEXT ARG...")
	}
	cmd := exec.Command(filepath.Join(ts.Getenv("ROOT"), "bin", "lvsup"), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "XDG_CACHE_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	var result strings.Builder
	cmd.Stdout = &result
	progress, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	var said strings.Builder
	sent := false
	for s := bufio.NewScanner(progress); s.Scan(); {
		said.WriteString(s.Text() + "\n")
		if !sent && strings.HasPrefix(s.Text(), args[1]) {
			sent = true
			time.Sleep(after)
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
		if twice && strings.HasPrefix(s.Text(), "Ending:") {
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	_ = cmd.Wait()
	ts.Logf("%s%s", said.String(), result.String())
	if got := cmd.ProcessState.String(); !sent || got != "exit status "+args[0] {
		ts.Fatalf("interrupted: %v; it ended with %s, want exit status %s", sent, got, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted"), []byte(said.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs("result"), []byte(result.String()), 0o600))
}

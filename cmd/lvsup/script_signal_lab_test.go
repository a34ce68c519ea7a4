//go:build lab

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdInterrupt runs lvsup and sends it SIGINT, as Ctrl-C does, when a line of
// its progress begins with a text. The script's progress is in the file interrupted.
//
//	interrupt CODE TEXT ARG...   lvsup must end with that exit code
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: interrupt CODE TEXT ARG...")
	}
	cmd := exec.Command(filepath.Join(ts.Getenv("ROOT"), "bin", "lvsup"), args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "XDG_CACHE_HOME"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	progress, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	var said strings.Builder
	sent := false
	for s := bufio.NewScanner(progress); s.Scan(); {
		said.WriteString(s.Text() + "\n")
		if !sent && strings.HasPrefix(s.Text(), args[1]) {
			sent = true
			ts.Check(cmd.Process.Signal(os.Interrupt))
		}
	}
	_ = cmd.Wait()
	ts.Logf("%s", said.String())
	if got := cmd.ProcessState.String(); !sent || got != "exit status "+args[0] {
		ts.Fatalf("interrupted: %v; it ended with %s, want exit status %s", sent, got, args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted"), []byte(said.String()), 0o600))
}

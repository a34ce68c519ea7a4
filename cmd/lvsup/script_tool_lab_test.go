//go:build lab

package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Two more commands for scripts: a tool of testdata/guest, written in Perl,
// which every Debian has, runs in a guest while the script goes on.
//
//	begin HOST TOOL ARG...    start it; what it prints is in /tmp/TOOL.out. The
//	                          same tool once more is TOOL.2
//	finish HOST TOOL SIGNAL   send it the signal, wait for its end; its output
//	                          is stdout's

func cmdBegin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: begin HOST TOOL ARG...")
	}
	host, tool := args[0], args[1]
	file, _, _ := strings.Cut(tool, ".")
	source, err := os.ReadFile(filepath.Join(ts.Getenv("ROOT"), "cmd/lvsup/testdata/guest", file+".pl"))
	ts.Check(err)
	// The tool is on the guest before it starts, and has its own session: the
	// SSH session must be able to end.
	const run = `printf %s "$2" >/tmp/$1.pl; tool=$1; shift 2
		setsid perl /tmp/$tool.pl "$@" </dev/null >/tmp/$tool.out 2>&1 & echo $! >/tmp/$tool.pid
		until [ -s /tmp/$tool.out ] || ! kill -0 $! 2>/dev/null; do sleep 0.05; done; kill -0 $!`
	if err := guest(ts, host, append([]string{"sh", "-c", run, "sh", tool, string(source)}, args[2:]...)); err != nil {
		_ = guest(ts, host, []string{"cat", "/tmp/" + tool + ".out"})
		ts.Fatalf("%s on %s did not start: %v", tool, host, err)
	}
}

func cmdFinish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: finish HOST TOOL SIGNAL")
	}
	const end = `pid=$(cat /tmp/$1.pid); kill -$2 $pid; n=0
		while kill -0 $pid 2>/dev/null; do sleep 0.05; n=$((n+1)); [ $n -lt 400 ] || { echo $1 does not end >&2; exit 1; }; done
		cat /tmp/$1.out`
	if err := guest(ts, args[0], []string{"sh", "-c", end, "sh", args[1], strings.TrimPrefix(args[2], "SIG")}); err != nil {
		ts.Fatalf("%s on %s: %v", args[1], args[0], err)
	}
}

// Package sshenv finds the SSH session that a process runs in.
package sshenv

import (
	"os"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

const name = "SSH_CONNECTION"

// maxAncestors bounds the walk up from this process to sshd.
const maxAncestors = 32

// Connection gives SSH_CONNECTION, "client port server port" (ssh(1)), of this
// process or of the nearest one above it that has it: sudo(8) takes the
// variable away. It is empty outside SSH.
func Connection(h host.Host) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	pid := "self"
	for range maxAncestors {
		stat, err := os.ReadFile(h.Path("/proc/" + pid + "/stat"))
		if err != nil {
			return ""
		}
		parent := parentOf(string(stat))
		if parent <= 1 {
			return ""
		}
		pid = strconv.Itoa(parent)
		environ, err := os.ReadFile(h.Path("/proc/" + pid + "/environ"))
		if err != nil {
			return ""
		}
		if v := lookup(string(environ)); v != "" {
			return v
		}
	}
	return ""
}

// lookup reads an environment block, where variables end with NUL
// (proc_pid_environ(5)).
func lookup(environ string) string {
	for v := range strings.SplitSeq(environ, "\x00") {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// parentOf reads the parent from /proc/PID/stat (proc_pid_stat(5)): the second
// field after the command's name, which stands in brackets and may hold
// anything. 0 means that there is none.
func parentOf(stat string) int {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pid
}

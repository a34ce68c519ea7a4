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
// variable away. Where none has it, it is put together from the TCP connection
// that one of them has open, as sshd does. It is empty outside SSH.
func Connection(h host.Host) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	all := ancestors(h)
	for _, pid := range all {
		environ, err := os.ReadFile(h.Path("/proc/" + pid + "/environ"))
		if err != nil {
			continue
		}
		if v := lookup(string(environ)); v != "" {
			return v
		}
	}
	for _, pid := range all {
		if v := socketOf(h, pid); v != "" {
			return v
		}
	}
	return ""
}

// ancestors lists the processes above this one, the nearest first, without init.
func ancestors(h host.Host) []string {
	var all []string
	pid := "self"
	for range maxAncestors {
		stat, err := os.ReadFile(h.Path("/proc/" + pid + "/stat"))
		if err != nil {
			break
		}
		parent := parentOf(string(stat))
		if parent <= 1 {
			break
		}
		pid = strconv.Itoa(parent)
		all = append(all, pid)
	}
	return all
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

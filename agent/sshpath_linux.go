package agent

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// maxAncestors bounds the walk up from the agent to sshd.
const maxAncestors = 16

// FindSSHConnection sets SSH_CONNECTION, which sshd(8) gives to a session and
// sudo(8) takes away, from the nearest ancestor that still has it. Without it
// nobody would know which interface must not be touched.
func FindSSHConnection() {
	const name = "SSH_CONNECTION"
	if os.Getenv(name) != "" {
		return
	}
	for pid, n := os.Getppid(), 0; pid > 1 && n < maxAncestors; pid, n = parentOf(pid), n+1 {
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			return
		}
		for _, kv := range bytes.Split(env, []byte{0}) {
			if value, ok := bytes.CutPrefix(kv, []byte(name+"=")); ok {
				os.Setenv(name, string(value))
				return
			}
		}
	}
}

// parentOf gives 0 when it cannot tell. The name in field 2 of
// /proc/PID/stat (proc_pid_stat(5)) may hold blanks and brackets.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

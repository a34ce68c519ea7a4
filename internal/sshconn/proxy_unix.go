//go:build unix

package sshconn

import (
	"os/exec"
	"syscall"
	"time"
)

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// endGroup ends the command's process group. The group outlives its leader if
// the command left children, so it is signalled even after the leader's exit.
func endGroup(cmd *exec.Cmd, exited <-chan struct{}) {
	group := -cmd.Process.Pid
	// Its stdin has ended: most proxies leave by themselves now, with a status
	// that says more than a signal does.
	select {
	case <-exited:
	case <-time.After(100 * time.Millisecond):
	}
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
}

//go:build !unix

package sshconn

import "os/exec"

func ownGroup(*exec.Cmd) {}

func endGroup(cmd *exec.Cmd, _ <-chan struct{}) { _ = cmd.Process.Kill() }

package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Ways to start the caller's own executable: os.Args[1] is one of these.
const (
	argInside = "fleet-inside" // the coordinator
	argHost   = "fleet-host"   // a host, until it is sshd
)

// Main is what the main function of every executable that uses this package calls
// first. It returns at once, except in a process that is to become a host. inside says
// that this process is the one that Enter started; args are those that Enter was given.
func Main() (inside bool, args []string) {
	if len(os.Args) < 2 {
		return false, nil
	}
	switch os.Args[1] {
	case argHost:
		fmt.Fprintln(os.Stderr, "cannot become a host:", becomeHost())
		os.Exit(1)
	case argInside:
		return true, os.Args[2:]
	}
	return false, nil
}

// lastWords is how long the process that Enter started may take to end.
const lastWords = time.Minute

// Enter runs the caller's own executable anew in namespaces of its own, and waits
// until it ends. All that it leaves behind in there, processes, mounts and
// interfaces, ends with it. If ctx ends first it is interrupted, and after a minute
// killed. The error is an *exec.ExitError if
// it failed.
func Enter(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{argInside}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// It may have something to say before it ends.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = lastWords
	return enter(cmd)
}

func enter(cmd *exec.Cmd) error {
	if os.Geteuid() != 0 {
		return errors.New("cannot make namespaces: this wants root")
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	return cmd.Run()
}

const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC

// private keeps this process's mounts to itself, and shows it its own processes.
func private() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	return mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, "")
}

func mount(source, target, kind string, flags uintptr, options string) error {
	if err := unix.Mount(source, target, kind, flags, options); err != nil {
		return fmt.Errorf("cannot mount %s on %s: %w", source, target, err)
	}
	return nil
}

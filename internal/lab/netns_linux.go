package lab

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// inNetns calls work on a thread of its own that is in the named network
// namespace, pinned to one CPU if cpu is not negative. Sockets made and
// processes started by work stay in that namespace (and on that CPU). The
// thread ends with it, so none is ever left in the wrong namespace.
func inNetns(name string, cpu int, work func() error) error {
	return onThread(func() error {
		ns, err := os.Open(netnsPath(name))
		if err != nil {
			return fmt.Errorf("cannot enter the lab's network: %w", err)
		}
		defer func() { _ = ns.Close() }()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("cannot enter the lab's network %s: %w", name, err)
		}
		if cpu >= 0 {
			var set unix.CPUSet
			set.Set(cpu)
			if err := unix.SchedSetaffinity(0, &set); err != nil {
				return fmt.Errorf("cannot pin to CPU %d: %w", cpu, err)
			}
		}
		return work()
	})
}

// onThread calls work on a thread that is then thrown away. The process's main
// thread cannot end before the process does, so it is passed over.
func onThread(work func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the runtime ends the thread
		if unix.Gettid() == unix.Getpid() {
			// While this goroutine holds the main thread, another gets another.
			result <- onThread(work)
			runtime.UnlockOSThread()
			return
		}
		result <- work()
	}()
	return <-result
}

// allowedCPUs are the CPUs that this process may run on.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("cannot tell which CPUs may be used: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// netnsInode identifies a network namespace; /proc/PID/ns/net has the same one
// for each process in it.
func netnsInode(path string) (uint64, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return st.Ino, nil
}

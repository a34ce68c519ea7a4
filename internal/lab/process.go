package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a process that a lab started: the pid and the time it began at,
// which together never mean another one.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`           // field 22 of proc_pid_stat(5), in clock ticks since boot
	Guest string `json:"guest,omitempty"` // the guest it is, if it is one
	CPU   int    `json:"cpu,omitempty"`   // the CPU that guest is pinned to
}

// processOf identifies a running process.
func processOf(pid int) (Process, error) {
	st, err := readStat(pid)
	if err != nil {
		return Process{PID: pid}, fmt.Errorf("process %d ended as soon as it was started: %w", pid, err)
	}
	return Process{PID: pid, Start: st.start}, nil
}

// Alive tells whether the process still runs; a zombie does not.
func (p Process) Alive() bool {
	st, err := readStat(p.PID)
	return err == nil && st.start == p.Start && st.state != 'Z' && st.state != 'X'
}

type procStat struct {
	state   byte
	session int
	start   uint64
}

// readStat reads proc_pid_stat(5). The program's name, in parentheses, may
// hold anything, so fields are counted from the last closing one.
func readStat(pid int) (procStat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(f) < 20 {
		return procStat{}, fmt.Errorf("cannot read /proc/%d/stat: %d fields", pid, len(f))
	}
	session, err := strconv.Atoi(f[3])
	if err != nil {
		return procStat{}, err
	}
	start, err := strconv.ParseUint(f[19], 10, 64)
	return procStat{state: f[0][0], session: session, start: start}, err
}

// processIDs lists all processes for which keep holds.
func processIDs(keep func(pid int) bool) ([]int, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && keep(pid) {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// processWait is how long processes may take to end once they are killed.
const processWait = 10 * time.Second

// killWhile kills, at once, all processes for which keep holds, and does so
// again until there are none.
func killWhile(what string, keep func(pid int) bool) error {
	alive := func(pid int) bool {
		st, err := readStat(pid)
		return err == nil && st.state != 'Z' && st.state != 'X' && keep(pid)
	}
	for deadline := time.Now().Add(processWait); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		pids, err := processIDs(alive)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("cannot end process %d of %s: %w", pid, what, err)
			}
		}
	}
	return fmt.Errorf("cannot end the processes of %s: some are still there %s after they were killed", what, processWait)
}

// kill ends a guest's kernel and the processes it runs its programs in, which
// are all of one session.
func (p Process) kill() error {
	if !p.Alive() {
		return nil
	}
	return killWhile("guest "+p.Guest, func(pid int) bool {
		st, err := readStat(pid)
		return err == nil && st.session == p.PID
	})
}

// killNetns ends every process in a network namespace, which is how nothing of
// a lab is overlooked, and no process of anyone else is hit.
func killNetns(netns string) error {
	inode, err := netnsInode(netnsPath(netns))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return killWhile("lab network "+netns, func(pid int) bool {
		of, err := netnsInode(fmt.Sprintf("/proc/%d/ns/net", pid))
		return err == nil && of == inode && pid != os.Getpid()
	})
}

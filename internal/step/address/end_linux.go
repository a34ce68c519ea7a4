package address

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scriptTime is how long the script of a DHCP client may go on after its client.
const scriptTime = 5 * time.Second

// process is an entry of /proc. Another one that gets its number has another start.
type process struct {
	pid, parent int
	start       string // in ticks since boot
	ended       bool   // and nobody has asked how
}

// end ends a DHCP client at once, and waits for the script that it may have at work
// (dhclient-script(8)): at a renewal it sets the lease, which would come back after
// lvsup has taken it away. One that does not end in time is ended. A client must not
// get SIGTERM: its script would take the interface down on the way out.
func end(pid int, patience time.Duration) error {
	left := startedBy(pid)
	if err := kill(pid); err != nil {
		return err
	}
	for _, p := range left {
		if isClient(p.pid) { // dhcpcd is several processes, and a fork is no script yet
			if err := kill(p.pid); err != nil {
				return err
			}
		}
	}
	deadline := time.Now().Add(patience)
	for ; time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left = slices.DeleteFunc(left, process.gone)
		if len(left) == 0 {
			return nil
		}
	}
	for _, p := range left {
		if err := kill(p.pid); err != nil {
			return err
		}
	}
	return nil
}

func kill(pid int) error {
	err := syscall.Kill(pid, syscall.SIGKILL)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("cannot end process %d: %w", pid, err)
	}
	return nil
}

// startedBy lists what descends from a process.
func startedBy(pid int) []process {
	var all, found []process
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the only error is a bad pattern
	for _, dir := range dirs {
		if n, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			if p, ok := readProcess(n); ok {
				all = append(all, p)
			}
		}
	}
	parents := []int{pid}
	for len(parents) > 0 {
		for _, p := range all {
			if p.parent == parents[0] {
				found, parents = append(found, p), append(parents, p.pid)
			}
		}
		parents = parents[1:]
	}
	return found
}

// readProcess reads proc_pid_stat(5). The program's name, in parentheses, may hold
// anything, so fields are counted from the last closing one.
func readProcess(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	f := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(f) < 20 {
		return process{}, false
	}
	parent, err := strconv.Atoi(f[1])
	return process{pid: pid, parent: parent, start: f[19], ended: f[0] == "Z" || f[0] == "X"}, err == nil
}

func (p process) gone() bool {
	now, ok := readProcess(p.pid)
	return !ok || now.ended || now.start != p.start
}

func isClient(pid int) bool {
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	_, ok := dhcpClient(strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00"))
	return err == nil && ok
}

package bench

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// memoryPulse is how often a process is looked at. Its peak stays to be seen until it
// ends, so only one of its last moments can be missed.
const memoryPulse = 10 * time.Millisecond

// followMemory follows a process. stop, to be called when it has ended, gives the most
// memory that it had at once, in bytes (VmHWM, proc(5)). wait4(2) tells of it, too, but
// never less than the process that started it had at that moment.
func followMemory(pid int) (stop func() int64) {
	over, peak := make(chan struct{}), make(chan int64, 1)
	go func() {
		pulse := time.NewTicker(memoryPulse)
		defer pulse.Stop()
		for most := int64(0); ; {
			if now, ok := peakMemory(pid); ok {
				most = now
			}
			select {
			case <-over:
				peak <- most
				return
			case <-pulse.C:
			}
		}
	}()
	return func() int64 {
		close(over)
		return <-peak
	}
}

// peakMemory is VmHWM of a process, in bytes. A process that has ended has none.
func peakMemory(pid int) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(status)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10, true
		}
	}
	return 0, false
}

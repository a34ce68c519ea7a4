//go:build linux

package umltest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// guest sets the system up, runs the tests and halts.
func guest(m *testing.M) int {
	code := 1
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	fmt.Printf("\n%s%d\n", verdict, code)
	unix.Sync()
	// Only fails without the right to, and then nothing is left to try.
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	return code
}

func setUp() error {
	mounts := []struct{ fstype, target string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"},
	}
	for _, mount := range mounts {
		// The kernel mounts devtmpfs by itself.
		err := unix.Mount(mount.fstype, mount.target, mount.fstype, 0, "")
		if err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("cannot mount %s: %w", mount.target, err)
		}
	}
	// The guest's init gets nearly no environment.
	for name, value := range map[string]string{"PATH": "/sbin", "HOME": "/", "LC_ALL": "C"} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("cannot bring lo up: %w: %s", err, out)
	}
	return nil
}

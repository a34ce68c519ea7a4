package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	selinuxRuns  = "/sys/fs/selinux/enforce" // is there where the kernel runs SELinux
	matchpathcon = "/usr/sbin/matchpathcon"  // matchpathcon(8); SELinux's own packages have it
	labelName    = "security.selinux"        // the extended attribute that is the label
)

// label gives the new file f the SELinux type that the policy names for target,
// its path to be. By itself it has got the type of its directory, which is wrong
// for, say, /etc/rc.d/rc.local: systemd would not run it. The kernel's rules for
// names do not help, since the file has no name yet, or another. As restorecon(8)
// does without -F, only the type is changed. A path of which the policy knows
// nothing, and a host without matchpathcon, leave the file as it is.
func label(f *os.File, target, runs, program string) error {
	if _, err := os.Stat(runs); err != nil {
		return nil
	}
	said, err := exec.Command(program, "-N", "-n", "-m", "file", target).Output()
	policy := strings.SplitN(strings.TrimSpace(string(said)), ":", 4) // user:role:type[:range]
	if err != nil || len(policy) < 3 {
		return nil
	}
	value := make([]byte, 4<<10) // a page, as the kernel shows contexts
	n, err := unix.Fgetxattr(int(f.Fd()), labelName, value)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENODATA) {
		return nil // a file system without labels
	}
	if err != nil {
		return fmt.Errorf("cannot read its SELinux label: %w", err)
	}
	own := strings.SplitN(strings.TrimRight(string(value[:n]), "\x00"), ":", 4)
	if len(own) < 3 || own[2] == policy[2] {
		return nil
	}
	own[2] = policy[2]
	context := strings.Join(own, ":")
	if err := unix.Fsetxattr(int(f.Fd()), labelName, append([]byte(context), 0), 0); err != nil {
		return fmt.Errorf("cannot give it the SELinux label %s: %w", context, err)
	}
	return nil
}

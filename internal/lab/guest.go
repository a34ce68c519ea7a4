package lab

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// umlKernel is the guests' kernel, a program.
const umlKernel = "/usr/bin/linux.uml"

// wrapper starts it; see there.
//
//go:embed wrapper.sh
var wrapper []byte

// guestMemory is what a guest is told it has. Full speed needs 96 MiB; apt in a
// guest wants more. Pages that it never touches cost nothing.
const guestMemory = "160M"

// guestArgs is the kernel command line of a guest. Its disks: ubda is the image
// seen through the guest's copy-on-write file, ubdb the boot script.
func guestArgs(g Guest, p paths, image string) []string {
	args := []string{
		"mem=" + guestMemory,
		"umid=" + g.Name, "uml_dir=" + p.umlDir(),
		"ubd0=" + p.cow(g.Name) + "," + image, "ubd1r=" + p.seed(g.Name),
		"root=/dev/ubda", "rw",
		"con=null", "con0=null,fd:1",
		// Measuring RAID algorithms takes half of a boot.
		"initcall_blacklist=raid6_select_algo",
		// A packet that comes as the kernel goes idle waits for the next tick: a
		// hundredth of a second, not until something is due.
		"nohz=off",
		"systemd.hostname=" + g.Name,
	}
	for _, n := range g.NICs {
		args = append(args, fmt.Sprintf("%s:transport=tap,ifname=%s,depth=64,gro=1,mac=%s", n.Device, n.Tap, n.MAC))
	}
	return args
}

// startGuest switches a guest on. It runs in the lab's namespace, on one CPU
// (the guests' context switches cost five times as much when they wander), and
// outlives this process.
func startGuest(netns string, cpu int, g Guest, p paths, image string) (Process, error) {
	args := guestArgs(g, p, image)
	process, err := startDetached(netns, cpu, p.console(g.Name), p.wrapper(), args...)
	process.Guest, process.CPU = g.Name, cpu
	if err != nil {
		return process, fmt.Errorf("cannot start guest %s: %w", g.Name, err)
	}
	return process, nil
}

// startDetached starts a program in a namespace, as the leader of a session of
// its own, with what it prints appended to a file.
func startDetached(netns string, cpu int, logFile, program string, args ...string) (Process, error) {
	path, err := lookTool(program)
	if err != nil {
		return Process{}, err
	}
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return Process{}, err
	}
	defer func() { _ = out.Close() }()
	cmd := exec.Command(path, args...)
	cmd.Dir = filepath.Dir(logFile)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}
	if err := inNetns(netns, cpu, cmd.Start); err != nil {
		return Process{}, err
	}
	go func() { _ = cmd.Wait() }() // no zombie while this process lives
	return processOf(cmd.Process.Pid)
}

//go:build linux

package umltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Timeout bounds one guest from boot to halt, on a machine that is busy with
// others, unless UMLTEST_TIMEOUT in the environment has another duration ("30m").
// go test itself gives up after ten minutes, unless it is told otherwise.
const Timeout = 9 * time.Minute

func timeout() (time.Duration, error) {
	text := os.Getenv("UMLTEST_TIMEOUT")
	if text == "" {
		return Timeout, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("cannot read UMLTEST_TIMEOUT: %w", err)
	}
	return d, nil
}

// verdict is the last thing that a guest says; the exit code follows it. A
// guest that dies has not said it.
const verdict = "umltest: exit "

// tools are what the tests find in the guest's /sbin.
var tools = []string{"modprobe", "ipvsadm", "ip"}

// modules are loaded by modprobe in the guest with what they depend on;
// IPVS and what it needs lies below these directories of the kernel's tree.
var modules = []string{"kernel/net", "kernel/lib", "kernel/crypto", "kernel/arch"}

// InGuest reports whether this process is the init of a guest.
func InGuest() bool { return os.Getpid() == 1 && os.Getenv("UMLTEST") == "guest" }

// Main runs the tests in a guest and returns the exit code for TestMain.
func Main(m *testing.M) int {
	if InGuest() {
		return guest(m)
	}
	code, err := boot(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// boot builds the calling package's tests and runs them in a guest, with the
// flags of the testing package that are given.
func boot(args []string) (int, error) {
	kernel, err := exec.LookPath("linux.uml")
	if err != nil {
		return 0, fmt.Errorf("cannot boot a guest: %w: install user-mode-linux", err)
	}
	dir, err := os.MkdirTemp("", "umltest")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := layout(dir); err != nil {
		return 0, err
	}
	// A guest that moves between processors is several times slower to fork.
	cpu, err := processor()
	if err != nil {
		return 0, err
	}
	limit, err := timeout()
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, unix.SIGTERM)
	defer stop()
	cmd := exec.CommandContext(ctx, "taskset", "-c", cpu, kernel, "mem=512M", "rootfstype=hostfs", "rootflags="+dir, "rw",
		"umid=umltest"+fmt.Sprint(os.Getpid()), "uml_dir="+dir, "init=/init", "con=null", "con0=fd:0,fd:1",
		"quiet", "UMLTEST=guest", "initcall_blacklist=raid6_select_algo", "--")
	chosen := false
	for _, a := range args {
		// Files that the testing package would write belong to the outside,
		// and its log of environment variables is for the cache of go test.
		if strings.HasPrefix(a, "-test.testlogfile") || strings.HasPrefix(a, "-test.coverprofile") || strings.HasPrefix(a, "-test.gocoverdir") {
			continue
		}
		chosen = chosen || strings.HasPrefix(a, "-test.run")
		cmd.Args = append(cmd.Args, a)
	}
	if !chosen {
		cmd.Args = append(cmd.Args, "-test.run=^TestKernel")
	}
	var tail tailWriter
	cmd.Stdout = io.MultiWriter(os.Stdout, &tail)
	cmd.Stderr = os.Stderr
	// The guest is several processes, all of which hold its output.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	runErr := cmd.Run()
	code, ok := tail.code()
	switch {
	case ctx.Err() != nil:
		return 0, fmt.Errorf("cannot finish the tests in the guest: it was interrupted or did not halt within %s", limit)
	case !ok:
		return 0, fmt.Errorf("cannot learn the guest's verdict: it died first (%v)", runErr)
	}
	return code, collect(dir)
}

// processor picks one that this process may use, in turn between guests.
func processor() (string, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return "", fmt.Errorf("cannot see which processors may be used: %w", err)
	}
	turn := os.Getpid() % set.Count()
	for cpu := 0; ; cpu++ {
		if !set.IsSet(cpu) {
			continue
		}
		if turn == 0 {
			return fmt.Sprint(cpu), nil
		}
		turn--
	}
}

// layout makes the guest's root directory.
func layout(dir string) error {
	for _, d := range []string{"proc", "sys", "dev", "tmp", "run", "etc", "sbin", "usr", "testdata"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	build := exec.Command("go", "test", "-c", "-tags", "lab", "-o", filepath.Join(dir, "init"), ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the tests for the guest: %w\n%s", err, out)
	}
	for _, tool := range tools {
		if err := install(dir, tool); err != nil {
			return err
		}
	}
	if _, err := os.Stat("testdata"); err == nil {
		if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("testdata")); err != nil {
			return err
		}
	}
	return installModules(dir)
}

// install copies a program with the libraries that it is linked to.
func install(dir, tool string) error {
	path, err := exec.LookPath(tool)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + tool); err != nil {
			return fmt.Errorf("cannot give the guest %s: %w: install ipvsadm, kmod and iproute2", tool, err)
		}
	}
	if err := copyFile(path, filepath.Join(dir, "sbin", tool)); err != nil {
		return err
	}
	out, err := exec.Command("ldd", path).Output()
	if err != nil {
		return fmt.Errorf("cannot list the libraries of %s: %w", path, err)
	}
	for _, word := range strings.Fields(string(out)) {
		if strings.HasPrefix(word, "/") {
			if err := copyFile(word, filepath.Join(dir, word)); err != nil {
				return err
			}
		}
	}
	return nil
}

// installModules copies the modules that IPVS can need and the indexes that
// modprobe reads.
func installModules(dir string) error {
	trees, err := filepath.Glob("/usr/lib/uml/modules/*")
	if err != nil || len(trees) != 1 {
		return fmt.Errorf("cannot find the guest's modules: want one tree in /usr/lib/uml/modules, there are %d", len(trees))
	}
	target := filepath.Join(dir, "lib/modules", filepath.Base(trees[0]))
	indexes, err := filepath.Glob(trees[0] + "/modules.*")
	if err != nil {
		return err
	}
	for _, file := range indexes {
		if err := copyFile(file, filepath.Join(target, filepath.Base(file))); err != nil {
			return err
		}
	}
	for _, m := range modules {
		src := filepath.Join(trees[0], m)
		if _, err := os.Stat(src); errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := os.CopyFS(filepath.Join(target, m), os.DirFS(src)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

// Recordings is where tests in the guest put what the kernel and ipvsadm say,
// by file name. With UMLTEST_RECORD=1 in the environment Main keeps them in
// testdata/kernel of the calling package.
const Recordings = "/tmp/recordings"

func collect(dir string) error {
	from := filepath.Join(dir, Recordings)
	if _, err := os.Stat(from); err != nil || os.Getenv("UMLTEST_RECORD") != "1" {
		return nil
	}
	to := filepath.Join("testdata", "kernel")
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	return os.CopyFS(to, os.DirFS(from))
}

// tailWriter keeps the end of what is written to it.
type tailWriter struct{ bytes.Buffer }

func (w *tailWriter) Write(p []byte) (int, error) {
	w.Buffer.Write(p)
	if over := w.Len() - 4096; over > 0 {
		w.Next(over)
	}
	return len(p), nil
}

func (w *tailWriter) code() (int, bool) {
	_, rest, ok := strings.Cut(w.String(), verdict)
	if !ok {
		return 0, false
	}
	var code int
	if _, err := fmt.Sscan(rest, &code); err != nil {
		return 0, false
	}
	return code, true
}

package address

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// client starts a stand-in for a DHCP client that has a script at work, and waits
// until the script has written its process ID to FOLDER/script.
func client(t *testing.T, script string) (pid int, folder string) {
	t.Helper()
	folder = t.TempDir()
	cmd := exec.Command("sh", "-c", `sh -c 'echo $$ >script.new; mv script.new script; `+script+`'; touch next`)
	cmd.Dir = folder
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(folder, "script")); err == nil {
			return cmd.Process.Pid, folder
		}
	}
	t.Fatal("the script has not begun")
	return 0, ""
}

func scriptOf(t *testing.T, folder string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "script"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// A renewal that is under way when the client goes sets the lease before lvsup goes on,
// not after.
func TestEndWaitsForTheScript(t *testing.T) {
	pid, folder := client(t, "sleep 0.3; touch done")
	if err := end(pid, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "done")); err != nil {
		t.Errorf("the script is still at work: %v", err)
	}
	if _, err := os.Stat(filepath.Join(folder, "next")); err == nil {
		t.Error("the client has gone on")
	}
}

func TestEndDoesNotWaitForEver(t *testing.T) {
	pid, folder := client(t, "exec sleep 600")
	if err := end(pid, 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	script := scriptOf(t, folder)
	for begin := time.Now(); time.Since(begin) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if p, ok := readProcess(script); !ok || p.ended {
			return
		}
	}
	t.Error("the script still runs")
}

// dhcpcd's processes stay at work for each other: they are no scripts.
func TestEndTakesTheClientWhole(t *testing.T) {
	pid, folder := client(t, `ln -s "$(command -v sleep)" dhclient; exec ./dhclient 600`)
	script := scriptOf(t, folder)
	for !isClient(script) { // it is a shell at first
		time.Sleep(5 * time.Millisecond)
	}
	begin := time.Now()
	if err := end(pid, time.Minute); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestEndOfNothing(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if err := end(cmd.Process.Pid, time.Minute); err != nil {
		t.Error(err)
	}
}

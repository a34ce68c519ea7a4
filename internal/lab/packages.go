package lab

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

//go:embed packages.txt
var packagesText string

// Packages lists the Debian packages that a machine needs to run labs, as in
// packages.txt.
func Packages() []string { return strings.Fields(packagesText) }

// tools are the programs that the lab runs, each with its package.
func tools() map[string]string {
	return map[string]string{
		umlKernel:      "user-mode-linux",
		"mmdebstrap":   "mmdebstrap",
		"mke2fs":       "e2fsprogs",
		"ip":           "iproute2",
		"depmod":       "kmod",
		"chronyd":      "chrony",
		"busybox":      "busybox",
		"ssh":          "openssh-client",
		"/dev/net/tun": "",
	}
}

// Requirements tells whether this machine can run labs. The error names
// everything that is missing, and the command that mends it.
func Requirements() error {
	id, like, name, err := osRelease()
	switch {
	case err != nil:
		return fmt.Errorf("cannot run a lab: it needs Debian 12 (bookworm), and this machine does not say what it is: %w", err)
	case id != "debian" && !strings.Contains(like, "debian"):
		return fmt.Errorf("cannot run a lab: it needs Debian 12 (bookworm) or a relative with apt, and this is %s", name)
	case os.Geteuid() != 0:
		return errors.New("cannot run a lab as an ordinary user: network namespaces and TAP devices need root; run the command with sudo")
	}
	var missing []string
	for _, p := range Packages() {
		for tool, pkg := range tools() {
			if pkg == p && !found(tool) {
				missing = append(missing, p)
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("cannot run a lab: this machine lacks %s; run `make lab-deps`, or: apt-get update && apt-get install -y --no-install-recommends %s",
			strings.Join(missing, ", "), strings.Join(missing, " "))
	}
	if !found("/dev/net/tun") {
		return errors.New("cannot run a lab: /dev/net/tun is not there; run `modprobe tun` (in a container: give it that device)")
	}
	return nil
}

func found(tool string) bool {
	if strings.HasPrefix(tool, "/") {
		_, err := os.Stat(tool)
		return err == nil
	}
	_, err := lookTool(tool)
	return err == nil
}

// lookTool finds a program also where a PATH without the sbin directories (su
// without a dash leaves one) would miss it.
func lookTool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} {
		if _, serr := os.Stat(dir + name); serr == nil {
			return dir + name, nil
		}
	}
	return "", fmt.Errorf("cannot find %s: %w", name, err)
}

// osRelease reads what os-release(5) says of this machine: ID, ID_LIKE and
// PRETTY_NAME.
func osRelease() (id, like, name string, err error) {
	v, err := osReleaseValues()
	return v["ID"], v["ID_LIKE"], v["PRETTY_NAME"], err
}

func osReleaseValues() (map[string]string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	for _, line := range strings.Split(string(text), "\n") {
		if key, value, ok := strings.Cut(line, "="); ok {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values, nil
}

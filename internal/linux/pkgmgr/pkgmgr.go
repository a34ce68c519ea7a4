// Package pkgmgr installs and removes packages through the package manager that
// a host has: apt-get(8), dnf(8) or yum(8). It never upgrades and never removes
// what it was not told to.
package pkgmgr

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// State is how far a package is on the host.
type State string

// The states. A package that is none of them is absent from the map that
// Manager.States returns.
const (
	Installed  State = "installed"
	Broken     State = "half-installed" // an earlier installation or removal was cut short
	ConfigOnly State = "config-files"   // Debian: removed, its configuration kept
)

// Manager is a host's package manager. Its methods that change something wait
// up to a minute for another package manager to end.
type Manager interface {
	// Name is the command a person types: "apt-get", "dnf" or "yum".
	Name() string
	// States tells the state of each package that is not wholly absent.
	States(ctx context.Context, names ...string) (map[string]State, error)
	// All lists every package that is installed, be it only half.
	All(ctx context.Context) ([]string, error)
	// Preview lists what would be installed together with the package. It
	// reads only; ok is false where that cannot be known without fetching the
	// repositories' lists.
	Preview(ctx context.Context, name string) (with []string, ok bool)
	// Install installs the package and what it depends on. It fetches the
	// repositories' lists only where they do not know the package.
	Install(ctx context.Context, name string) error
	// Repair ends what an earlier run, cut short, left half done.
	Repair(ctx context.Context) error
	// Dependents lists the installed packages, beyond those named, that could
	// not stay if those named were removed.
	Dependents(ctx context.Context, names ...string) ([]string, error)
	// Chosen lists those of the packages that somebody asked for by name.
	Chosen(ctx context.Context, names ...string) ([]string, error)
	// Remove removes exactly these packages, on Debian with their configuration
	// unless keepConfig. Call Dependents first.
	Remove(ctx context.Context, keepConfig bool, names ...string) error
}

// ErrNone means that the host has no package manager that lvsup knows.
var ErrNone = errors.New("this host has neither apt-get, dnf nor yum; install the packages by hand")

// Detect finds the host's package manager. A Debian host may have dnf, and a
// Fedora host apt, as a package: dpkg's database decides.
func Detect(h host.Host) (Manager, error) {
	has := func(file string) bool {
		_, err := os.Stat(h.Path(file))
		return err == nil
	}
	switch {
	case has("/usr/bin/apt-get") && has("/var/lib/dpkg/status"):
		return apt{h}, nil
	case has("/usr/bin/dnf"):
		return rpm{h, "dnf"}, nil
	case has("/usr/bin/yum"):
		return rpm{h, "yum"}, nil
	}
	return nil, ErrNone
}

// Apache is the host's name for the package, and the service, of the Apache web
// server: "apache2" where apt-get rules, "httpd" elsewhere.
func Apache(h host.Host) string {
	if m, err := Detect(h); err == nil && m.Name() == "apt-get" {
		return "apache2"
	}
	return "httpd"
}

// Resolve gives the host's name for a package that a plan names.
func Resolve(h host.Host, name string) string {
	if name == "httpd" || name == "apache2" {
		return Apache(h)
	}
	return name
}

// because is Result.Err, but quotes the line that names the cause: what a package
// manager says last is often only that something went wrong.
func because(res host.Result, argv ...string) error {
	for _, line := range lines(res.Stderr) {
		for _, cause := range []string{"Failed to fetch", "Failed to download", "Curl error", "Could not resolve", "Cannot retrieve"} {
			if res.Code != 0 && strings.Contains(line, cause) {
				res.Stderr = line
				return res.Err(argv...)
			}
		}
	}
	return res.Err(argv...)
}

// without lists those of all that are not in names.
func without(all, names []string) []string {
	skip := make(map[string]bool, len(names))
	for _, n := range names {
		skip[n] = true
	}
	var rest []string
	for _, n := range all {
		if !skip[n] {
			skip[n] = true
			rest = append(rest, n)
		}
	}
	return rest
}

// lines splits output, dropping blanks around lines and empty ones.
func lines(out string) []string {
	var all []string
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

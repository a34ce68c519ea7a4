package pkgmgr

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// apt is apt-get(8) with dpkg(1).
type apt struct{ host host.Host }

func (apt) Name() string { return "apt-get" }

// get runs apt-get without questions. A conffile that somebody changed stays as
// it is; a lock that another run holds is waited for (apt 1.9.11 and later);
// a repository that does not answer is given up soon; a name with a dot is no
// regular expression.
func (a apt) get(ctx context.Context, args ...string) (host.Result, error) {
	argv := []string{"env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y",
		"-o", "DPkg::Lock::Timeout=60",
		"-o", "Dpkg::Options::=--force-confdef",
		"-o", "Dpkg::Options::=--force-confold",
		"-o", "APT::Cmd::Pattern-Only=true",
		"-o", "APT::Keep-Downloaded-Packages=false",
		"-o", "Acquire::Retries=1",
		"-o", "Acquire::http::Timeout=20",
		"-o", "Acquire::https::Timeout=20",
	}
	return a.host.Run(ctx, append(argv, args...)...)
}

// simulate runs apt-get -s, which needs no lock, and keeps it from refreshing
// its cache files.
func (a apt) simulate(ctx context.Context, args ...string) (host.Result, error) {
	return a.get(ctx, append([]string{"-s", "-o", "Debug::NoLocking=1",
		"-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="}, args...)...)
}

func (a apt) States(ctx context.Context, names ...string) (map[string]State, error) {
	states := make(map[string]State)
	if len(names) == 0 {
		return states, nil
	}
	res, err := a.query(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, line := range lines(res.Stdout) {
		name, status, _ := strings.Cut(line, " ")
		switch status {
		case "installed":
			states[name] = Installed
		case "config-files":
			// Another architecture's package of that name may be installed.
			if states[name] == "" {
				states[name] = ConfigOnly
			}
		case "not-installed", "":
		default:
			states[name] = Broken
		}
	}
	return states, nil
}

// query asks dpkg's database. Names that it does not know make it exit with 1
// after it told the others.
func (a apt) query(ctx context.Context, names ...string) (host.Result, error) {
	argv := append([]string{"dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\\n"}, names...)
	res, err := a.host.Run(ctx, argv...)
	if err == nil && res.Code > 1 {
		err = res.Err("dpkg-query")
	}
	if err != nil {
		return res, fmt.Errorf("cannot read the list of installed packages: %w", err)
	}
	return res, nil
}

func (a apt) All(ctx context.Context) ([]string, error) {
	res, err := a.query(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, line := range lines(res.Stdout) {
		switch name, status, _ := strings.Cut(line, " "); status {
		case "not-installed", "config-files", "":
		default:
			all = append(all, name)
		}
	}
	return without(all, nil), nil
}

func (a apt) Preview(ctx context.Context, name string) ([]string, bool) {
	res, err := a.simulate(ctx, "--no-install-recommends", "--no-remove", "install", name)
	if err != nil || res.Code != 0 {
		return nil, false
	}
	plan := parseAPT(res.Stdout)
	with := without(plan.install, []string{name})
	slices.Sort(with)
	return with, true
}

func (a apt) Install(ctx context.Context, name string) error {
	install := func() (host.Result, error) {
		return a.get(ctx, "--no-install-recommends", "--no-remove", "install", name)
	}
	res, err := install()
	if err != nil {
		return err
	}
	// 100 is apt's exit for every error. It is worth fetching the lists only if
	// they lack the package, or name a version that is gone from the mirror.
	if res.Code != 0 && listsAreToBlame(res.Stderr) {
		fetched, err := a.get(ctx, "-o", "APT::Update::Error-Mode=any", "update")
		if err != nil {
			return err
		}
		again, err := install()
		if err != nil {
			return err
		}
		if again.Code != 0 && fetched.Code != 0 {
			return fmt.Errorf("cannot install %s: its repositories cannot be read: %w; check the host's /etc/apt/sources.list* and its network, or install the package by hand",
				name, because(fetched, "apt-get", "update"))
		}
		res = again
	}
	if err := res.Err("apt-get", "install", name); err != nil {
		if strings.Contains(res.Stderr, "Unable to locate") || strings.Contains(res.Stderr, "no installation candidate") {
			return fmt.Errorf("cannot install %s: %w; no repository of this host has it: add one under /etc/apt/sources.list.d, or install it by hand", name, err)
		}
		return fmt.Errorf("cannot install %s: %w", name, err)
	}
	return nil
}

func listsAreToBlame(stderr string) bool {
	for _, s := range []string{"Unable to locate package", "no installation candidate", "Failed to fetch", "Unable to fetch some archives"} {
		if strings.Contains(stderr, s) {
			return true
		}
	}
	return false
}

func (a apt) Repair(ctx context.Context) error {
	argv := []string{"env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confdef", "--force-confold", "--configure", "-a"}
	if res, err := a.host.Run(ctx, argv...); err != nil {
		return err
	} else if res.Code != 0 {
		// What is unpacked may still lack a dependency; apt-get brings it.
		fixed, err := a.get(ctx, "--no-install-recommends", "-f", "install")
		if err != nil {
			return err
		}
		if err := fixed.Err("apt-get", "-f", "install"); err != nil {
			return fmt.Errorf("cannot end a package installation that was cut short: %w", err)
		}
	}
	return nil
}

func (a apt) Dependents(ctx context.Context, names ...string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	res, err := a.simulate(ctx, append([]string{"purge"}, names...)...)
	if err == nil {
		err = res.Err("apt-get", "-s", "purge")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot see what depends on %s: %w", strings.Join(names, ", "), err)
	}
	// Where apt would install something to fill the gap, somebody needs it too.
	plan := parseAPT(res.Stdout)
	return without(append(plan.remove, plan.install...), names), nil
}

func (a apt) Chosen(ctx context.Context, names ...string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	argv := append([]string{"apt-mark", "showmanual"}, names...)
	res, err := a.host.Run(ctx, argv...)
	if err == nil {
		err = res.Err("apt-mark", "showmanual")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which packages were chosen by hand: %w", err)
	}
	return lines(res.Stdout), nil
}

func (a apt) Remove(ctx context.Context, keepConfig bool, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	verb := "purge"
	if keepConfig {
		verb = "remove"
	}
	// --no-auto-remove: APT::Get::AutomaticRemove may be set on the host.
	res, err := a.get(ctx, append([]string{"--no-auto-remove", verb}, names...)...)
	if err != nil {
		return err
	}
	if err := res.Err("apt-get", verb); err != nil {
		return fmt.Errorf("cannot remove %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

// aptPlan is what apt-get -s would do. Names have no architecture.
type aptPlan struct {
	install []string // not there before
	remove  []string
}

// parseAPT reads the lines of apt-get -s:
//
//	Inst NAME (VERSION ...)           a new package
//	Inst NAME [OLD] (VERSION ...)     an upgrade
//	Remv NAME [VERSION]               and Purg, for a purge
func parseAPT(out string) aptPlan {
	var p aptPlan
	for _, line := range lines(out) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		name, _, _ := strings.Cut(f[1], ":")
		switch {
		case f[0] == "Inst" && strings.HasPrefix(f[2], "("):
			p.install = append(p.install, name)
		case f[0] == "Remv", f[0] == "Purg":
			p.remove = append(p.remove, name)
		}
	}
	return p
}

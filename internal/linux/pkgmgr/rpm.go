package pkgmgr

import (
	"context"
	"fmt"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// rpm is rpm(8) with dnf(8) or yum(8) in front of it.
type rpm struct {
	host host.Host
	tool string // "dnf" or "yum"
}

func (r rpm) Name() string { return r.tool }

func (r rpm) States(ctx context.Context, names ...string) (map[string]State, error) {
	states := make(map[string]State)
	if len(names) == 0 {
		return states, nil
	}
	// "=" tells an answer from "package NAME is not installed", which goes to
	// stdout too and counts in the exit code.
	res, err := r.host.Run(ctx, append([]string{"rpm", "-q", "--qf", "=%{NAME}\\n"}, names...)...)
	if err == nil && res.Code > len(names) {
		err = res.Err("rpm", "-q")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the list of installed packages: %w", err)
	}
	for _, line := range lines(res.Stdout) {
		if name, ok := strings.CutPrefix(line, "="); ok {
			states[name] = Installed
		}
	}
	return states, nil
}

func (r rpm) All(ctx context.Context) ([]string, error) {
	res, err := r.host.Run(ctx, "rpm", "-qa", "--qf", "%{NAME}\\n")
	if err == nil {
		err = res.Err("rpm", "-qa")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the list of installed packages: %w", err)
	}
	return without(lines(res.Stdout), nil), nil
}

// Preview knows nothing: dnf and yum write caches and logs even for a
// transaction that they only show.
func (r rpm) Preview(context.Context, string) ([]string, bool) { return nil, false }

func (r rpm) Install(ctx context.Context, name string) error {
	res, err := r.host.Run(ctx, r.tool, "-y", "--setopt=install_weak_deps=False", "--setopt=timeout=20", "--setopt=retries=2", "install", name)
	if err != nil {
		return err
	}
	if err := because(res, r.tool, "install", name); err != nil {
		return fmt.Errorf("cannot install %s: %w; check the host's repositories (%s repolist) and its network, or install the package by hand", name, err, r.tool)
	}
	return nil
}

// Repair has nothing to do: a transaction of rpm that was cut short leaves
// packages that the next transaction installs or removes whole.
func (r rpm) Repair(context.Context) error { return nil }

func (r rpm) Dependents(ctx context.Context, names ...string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	res, err := r.host.Run(ctx, append([]string{"rpm", "-e", "--test"}, names...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot see what depends on %s: %w", strings.Join(names, ", "), err)
	}
	if res.Code == 0 {
		return nil, nil
	}
	needing := parseNeeded(res.Stderr)
	if len(needing) == 0 {
		return nil, fmt.Errorf("cannot see what depends on %s: %w", strings.Join(names, ", "), res.Err("rpm", "-e", "--test"))
	}
	// They come as NAME-VERSION-RELEASE.ARCH.
	res, err = r.host.Run(ctx, append([]string{"rpm", "-q", "--qf", "%{NAME}\\n"}, needing...)...)
	if err == nil {
		err = res.Err("rpm", "-q")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot see what depends on %s: %w", strings.Join(names, ", "), err)
	}
	return without(lines(res.Stdout), names), nil
}

// parseNeeded reads rpm's complaint:
//
//	error: Failed dependencies:
//		CAPABILITY is needed by (installed) NAME-VERSION-RELEASE.ARCH
func parseNeeded(stderr string) []string {
	var all []string
	for _, line := range lines(stderr) {
		if _, by, ok := strings.Cut(line, " is needed by (installed) "); ok {
			// An epoch, "1:NAME-...", is not part of what rpm -q takes.
			if epoch, rest, ok := strings.Cut(by, ":"); ok && strings.Trim(epoch, "0123456789") == "" {
				by = rest
			}
			all = append(all, by)
		}
	}
	return without(all, nil)
}

// Chosen knows nothing: yum's database does not tell it reliably, and rpm has
// no such mark.
func (r rpm) Chosen(context.Context, ...string) ([]string, error) { return nil, nil }

func (r rpm) Remove(ctx context.Context, _ bool, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	// Both would otherwise take away what they believe unused.
	argv := append([]string{r.tool, "-y", "--setopt=clean_requirements_on_remove=False", "remove"}, names...)
	res, err := r.host.Run(ctx, argv...)
	if err != nil {
		return err
	}
	if err := res.Err(r.tool, "remove"); err != nil {
		return fmt.Errorf("cannot remove %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

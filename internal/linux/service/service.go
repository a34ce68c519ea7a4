// Package service speaks to systemd through systemctl(1): it reads what units
// do now and at boot, and changes it.
package service

import (
	"context"
	"fmt"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Unit is the state of one unit, in systemd's words.
type Unit struct {
	Name    string
	Exists  bool   // a unit file, or a generator, provides it
	Enabled string // "enabled", "disabled", "static", "masked", ...; as systemctl is-enabled prints it
	Active  string // "active", "inactive", "failed", "activating", ...; as systemctl is-active prints it
}

// State reads one unit. A host without systemd gives an error.
func State(ctx context.Context, h host.Host, unit string) (Unit, error) {
	units, err := States(ctx, h, unit)
	if err != nil {
		return Unit{}, err
	}
	return units[0], nil
}

// States reads several units with one command, in the order they were given. A
// unit that does not exist is inactive, with an empty Enabled.
func States(ctx context.Context, h host.Host, units ...string) ([]Unit, error) {
	argv := append([]string{"systemctl", "show", "--property=Id,Names,LoadState,ActiveState,UnitFileState", "--"}, units...)
	res, err := h.Run(ctx, argv...)
	if err == nil {
		err = res.Err("systemctl", "show")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the state of %s: %w", strings.Join(units, ", "), err)
	}
	blocks := strings.Split(strings.TrimSpace(res.Stdout), "\n\n")
	if len(blocks) != len(units) {
		return nil, fmt.Errorf("cannot read the state of %s: systemctl show described %d units", strings.Join(units, ", "), len(blocks))
	}
	all := make([]Unit, len(units))
	for i, block := range blocks {
		all[i] = parse(units[i], block)
	}
	return all, nil
}

// parse reads one block of KEY=VALUE lines. systemctl show answers in the
// order of its arguments, under the unit's own name where that was an alias.
func parse(name, block string) Unit {
	u := Unit{Name: name, Exists: true}
	for line := range strings.Lines(block) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "LoadState":
			u.Exists = value != "not-found"
		case "ActiveState":
			u.Active = value
		case "UnitFileState":
			u.Enabled = value
		}
	}
	return u
}

// Enable makes the units start at boot.
func Enable(ctx context.Context, h host.Host, units ...string) error {
	return run(ctx, h, "enable", units)
}

// Disable keeps the units from starting at boot; running ones go on running.
func Disable(ctx context.Context, h host.Host, units ...string) error {
	return run(ctx, h, "disable", units)
}

// Start starts the units and waits until they run.
func Start(ctx context.Context, h host.Host, units ...string) error {
	return run(ctx, h, "start", units)
}

// Stop stops the units and waits until they have ended.
func Stop(ctx context.Context, h host.Host, units ...string) error {
	return run(ctx, h, "stop", units)
}

// Reload makes systemd read its unit files again.
func Reload(ctx context.Context, h host.Host) error { return run(ctx, h, "daemon-reload", nil) }

func run(ctx context.Context, h host.Host, verb string, units []string) error {
	argv := append([]string{"systemctl", verb}, units...)
	res, err := h.Run(ctx, argv...)
	if err != nil {
		return err
	}
	if res.Code != 0 && len(units) > 0 && (verb == "start" || verb == "stop") {
		return fmt.Errorf("cannot %s %s: %s; see journalctl -u %s on the host", verb, units[0], complaint(res), units[0])
	}
	return res.Err(argv...)
}

// complaint is the first line that systemctl wrote: the last one only says
// where to read more.
func complaint(res host.Result) string {
	line, _, _ := strings.Cut(strings.TrimSpace(res.Stderr), "\n")
	if line == "" {
		return fmt.Sprintf("systemctl ended with exit code %d", res.Code)
	}
	return strings.TrimSuffix(line, ".")
}

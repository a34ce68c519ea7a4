package firewall

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netfilter"
	"github.com/lvsup/lvsup/internal/linux/service"
	"github.com/lvsup/lvsup/internal/step"
)

func (w worker) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	have := Observed{Ports: map[step.ID]string{}, Refused: map[string][]string{}, Files: map[string]string{}, Tools: map[string]string{}}
	if (want.Policy == "" || want.Policy == Unmanaged) && len(owned) == 0 {
		return have, nil
	}
	if err := w.observeServices(ctx, &have); err != nil {
		return have, err
	}
	ports := map[string][]string{} // firewall -> ports to look at
	for id := range owned {
		if d, ok := parseDoor(id.Field); ok && d.chain == "" {
			ports[id.Key] = append(ports[id.Key], d.port)
		}
	}
	known, err := w.observeWalls(ctx, want, owned, &have)
	if err != nil {
		return have, err
	}
	for _, s := range have.Services {
		if !s.Active || s.Name != ufw && slices.Contains(known, s.Name) {
			continue
		}
		look := ports[s.Name]
		if want.Policy == Open {
			look = append(look, want.Ports...)
		}
		if len(look) == 0 {
			continue
		}
		if err := w.observePorts(ctx, s.Name, sortedSet(look), owned, &have); err != nil {
			return have, err
		}
	}
	return have, nil
}

func (w worker) observeServices(ctx context.Context, have *Observed) error {
	var units []string
	for _, f := range netfilter.Firewalls() {
		units = append(units, f.Unit)
	}
	states, err := service.States(ctx, w.host, units...)
	if err != nil {
		return err
	}
	for _, u := range states {
		name := strings.TrimSuffix(u.Name, ".service")
		switch {
		case !u.Exists:
		case name == ufw:
			// Its unit is active on every host that has the package.
			on := netfilter.UFWEnabled(w.host)
			have.Services = append(have.Services, Service{Name: ufw, Active: on, Enabled: on})
		case name == persistent:
			have.Services = append(have.Services, Service{
				Name: name, Active: u.Active == active && netfilter.Drops(ctx, w.host), Enabled: u.Enabled == enabled,
			})
		default:
			have.Services = append(have.Services, Service{
				Name: name, Active: u.Active == active || u.Active == "reloading" || u.Active == "activating",
				Enabled: u.Enabled == enabled,
			})
		}
	}
	return nil
}

func (w worker) observePorts(ctx context.Context, name string, ports []string, owned step.Owned, have *Observed) error {
	switch name {
	case firewalld:
		return w.observeFirewalld(ctx, ports, owned, have)
	case ufw:
		added, err := w.run(ctx, "ufw", "show", "added")
		if err != nil {
			return err
		}
		for _, port := range ports {
			if slices.Contains(strings.Split(added, "\n"), "ufw allow "+ufwPort(port)) {
				have.Ports[door{port: port}.id(ufw)] = portOpen
			}
		}
	default:
		if refused := netfilter.Refused(ctx, w.host, ports); len(refused) > 0 {
			have.Refused[name] = refused
		}
	}
	return nil
}

// observeFirewalld asks for each port in every zone in use, and in those where
// lvsup opened one earlier.
func (w worker) observeFirewalld(ctx context.Context, ports []string, owned step.Owned, have *Observed) error {
	out, err := w.run(ctx, "firewall-cmd", "--get-active-zones")
	if err != nil {
		return err
	}
	rest, err := w.run(ctx, "firewall-cmd", "--get-default-zone")
	if err != nil {
		return err
	}
	// An interface that nobody put into a zone is in the default one, which the
	// list of active zones need not show.
	have.Zones = sortedSet(append(activeZones(out), strings.Fields(rest)...))
	zones := slices.Clone(have.Zones)
	for id := range owned {
		if d, ok := parseDoor(id.Field); ok && id.Key == firewalld {
			zones = append(zones, d.zone)
		}
	}
	for _, zone := range sortedSet(zones) {
		for _, port := range ports {
			for when, argv := range map[string][]string{live: {"firewall-cmd"}, boot: {"firewall-cmd", "--permanent"}} {
				d := door{port: port, zone: zone, when: when}
				yes, err := w.query(ctx, append(argv, "--zone="+zone, d.option("query"))...)
				if err != nil {
					return err
				}
				if yes {
					have.Ports[d.id(firewalld)] = portOpen
				}
			}
		}
	}
	return nil
}

// activeZones reads firewall-cmd --get-active-zones: names at the line's start,
// perhaps with " (default)", and indented lines with their interfaces.
func activeZones(out string) []string {
	var zones []string
	for line := range strings.Lines(out) {
		if name := strings.Fields(line); len(name) > 0 && line[0] != ' ' && line[0] != '\t' {
			zones = append(zones, name[0])
		}
	}
	return sortedSet(zones)
}

// query runs a command that answers by its exit code: 0 is yes, 1 is no.
func (w worker) query(ctx context.Context, argv ...string) (bool, error) {
	res, err := w.host.Run(ctx, argv...)
	if err == nil && res.Code > 1 {
		err = res.Err(argv...)
	}
	return err == nil && res.Code == 0, err
}

func (w worker) apply(ctx context.Context, _ Desired, changes []step.Change) (int, error) {
	for done, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return done, err
		}
		if c.Blocked != "" {
			return done, fmt.Errorf("cannot open %s: %s", c.ID, c.Blocked)
		}
		if !c.Action.Mutates() {
			continue
		}
		if err := w.one(ctx, c); err != nil {
			return done, err
		}
	}
	return len(changes), nil
}

func (w worker) one(ctx context.Context, c step.Change) error {
	if c.Key == ufw && c.Field == "active" {
		_, err := w.run(ctx, ufwSwitch(c.To == active)...)
		return err
	}
	if d, ok := parseDoor(c.Field); ok && d.chain != "" {
		return w.openWall(ctx, c.Key, d, c.To == portOpen)
	} else if ok {
		_, err := w.run(ctx, d.command(c.Key, c.To == portOpen)...)
		return err
	}
	if c.Key == persistent && c.Field == "active" {
		_, err := w.run(ctx, persistentSwitch(c.To == active)...)
		return err
	}
	unit := c.Key + ".service"
	switch c.To {
	case enabled:
		return service.Enable(ctx, w.host, unit)
	case disabled:
		return service.Disable(ctx, w.host, unit)
	case active:
		return service.Start(ctx, w.host, unit)
	}
	return service.Stop(ctx, w.host, unit)
}

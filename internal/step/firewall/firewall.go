package firewall

import (
	"context"
	"slices"
	"sort"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// The values of this kind.
const (
	active   = "active"
	inactive = "inactive"
	enabled  = "enabled"
	disabled = "disabled"

	portOpen = "open"
)

// Names of the firewalls that are more than a service which loads rules.
const (
	firewalld = "firewalld"
	ufw       = "ufw"
	// Debian's iptables-persistent: stopping its service leaves the rules in
	// place, so it counts as active while there are rules that drop.
	persistent = "netfilter-persistent"
	nftables   = "nftables"
	iptables   = "iptables" // RHEL's iptables-services, Arch
)

// Observed is what a host has of firewalls.
type Observed struct {
	Services []Service
	// Zones are firewalld's zones in use, sorted; ports are opened in each.
	Zones []string
	Ports map[step.ID]string // doors that are open
	Walls []Wall
	// Files are where Walls are written for the next boot, by keeper and family;
	// Tools are the commands of iptables, by family.
	Files, Tools map[string]string
	// Refused are ports that a hand-written rule set would drop, by the
	// service that loads it.
	Refused map[string][]string
}

// Service is a firewall that the host has.
type Service struct {
	Name    string // unit without ".service"
	Active  bool   // ufw: filters, now and at boot; netfilter-persistent: its rules drop
	Enabled bool
}

// New makes the kind.
func New(h host.Host) step.Kind[Desired, Observed] {
	w := worker{h}
	return step.Kind[Desired, Observed]{
		Name:     "firewall",
		Validate: Validate,
		Observe:  w.observe,
		Diff:     Diff,
		Apply:    w.apply,
		Commands: commands,
	}
}

func activeID(name string) step.ID { return step.ID{Key: name, Field: "active"} }

func enabledID(name string) step.ID { return step.ID{Key: name, Field: "enabled"} }

// door is an opening in a firewall, in one of firewalld's zones or in a Wall's
// chain, now or at boot. A port of ufw's has neither, nor a difference between now
// and at boot.
type door struct{ port, zone, chain, when string }

// When a door is open; most firewalls keep what is now apart from what the next
// boot brings.
const (
	live = "live"
	boot = "boot"
)

// id is the door of that firewall as a Field: "port 80/tcp",
// "port 80/tcp zone public live" or "port 80/tcp chain ip/INPUT boot".
func (d door) id(name string) step.ID {
	field := "port " + d.port
	switch {
	case d.zone != "":
		field += " zone " + d.zone + " " + d.when
	case d.chain != "":
		field += " chain " + d.chain + " " + d.when
	}
	return step.ID{Key: name, Field: field}
}

// parseDoor undoes id.
func parseDoor(field string) (door, bool) {
	switch f := strings.Fields(field); {
	case len(f) == 2 && f[0] == "port":
		return door{port: f[1]}, true
	case len(f) == 5 && f[0] == "port" && f[2] == "zone":
		return door{port: f[1], zone: f[3], when: f[4]}, true
	case len(f) == 5 && f[0] == "port" && f[2] == "chain":
		return door{port: f[1], chain: f[3], when: f[4]}, true
	}
	return door{}, false
}

// Diff compares. A firewall that is off already, and a port that is open
// already, are not adopted: letting go of them later must not switch them.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	seen, wanted := have.state(), step.State{}
	wish := func(id step.ID, value string) {
		if _, mine := owned[id]; mine || seen[id] != value {
			wanted[id] = value
		}
	}
	for _, s := range have.Services {
		switch {
		case want.Policy == Disabled && s.Name == ufw:
			wish(activeID(ufw), inactive)
		case want.Policy == Disabled:
			wish(activeID(s.Name), inactive)
			wish(enabledID(s.Name), disabled)
		case want.Policy == Open && s.Name == firewalld && s.Active:
			for _, port := range want.Ports {
				for _, zone := range have.Zones {
					wish(door{port: port, zone: zone, when: live}.id(firewalld), portOpen)
					wish(door{port: port, zone: zone, when: boot}.id(firewalld), portOpen)
				}
			}
		case want.Policy == Open && s.Name == ufw && s.Active:
			for _, port := range want.Ports {
				if !isProtocol(port) {
					wish(door{port: port}.id(ufw), portOpen)
				}
			}
		}
	}
	if want.Policy == Open {
		for _, wall := range have.Walls {
			for text, d := range wall.doors(want) {
				id := d.id(wall.Keeper)
				_, mine := owned[id]
				if mine && (wall.ByHand == "" || seen[id] != "") || wall.ByHand == "" && slices.Contains(wall.Closed, text) {
					wish(id, portOpen)
				}
			}
		}
	}
	changes := step.Reconcile(wanted, owned, seen)
	for i := range changes {
		have.finish(&changes[i], want)
	}
	if want.Policy == Open {
		for _, wall := range have.Walls {
			if wall.ByHand != "" {
				changes = append(changes, wall.byHand(want, have)...)
			}
		}
		changes = append(changes, refusals(have.Refused)...)
	}
	step.Sort(changes)
	// At boot before now, so that a reboot in between does not bring back what
	// was just stopped.
	slices.SortStableFunc(changes, func(a, b step.Change) int {
		return rank(a) - rank(b)
	})
	return changes
}

func rank(c step.Change) int {
	r := 1
	d, _ := parseDoor(c.Field)
	switch {
	case c.Early:
		return 0
	case c.Field == "active", d.chain != "" && d.when == live:
		r = 2
	}
	if c.Action.Removes() {
		r += 2
	}
	return r
}

// finish explains what a person would ask about, and closes ports before their
// firewall stops: firewalld cannot be told anything afterwards.
func (o Observed) finish(c *step.Change, want Desired) {
	d, isDoor := parseDoor(c.Field)
	if isDoor && c.Action == step.Delete && want.Policy == Disabled {
		c.Early = true
	}
	if c.Field == "active" && c.To == inactive && c.Key != ufw && c.Key != firewalld {
		c.Why = "its rules go with it, those that were added by hand since it started too"
	}
	if !c.Action.Mutates() || d.chain == "" {
		return
	}
	family, _, _ := strings.Cut(d.chain, "/")
	switch {
	case d.when == boot:
		c.Why = in + o.Files[c.Key+" "+family]
	case !d.nft():
		c.Why = with + o.Tools[family]
	}
}

// What finish says before a file's name or a command's.
const (
	in   = "in "
	with = "with "
)

// otherwise is the way out for who does not want to edit a firewall.
const otherwise = ", or write policy = \"disabled\" or \"unmanaged\" in the firewall block"

// refusals are for rules of which it is not known where they come from: where in
// them a port belongs is not for lvsup to guess.
func refusals(refused map[string][]string) []step.Change {
	var changes []step.Change
	for name, ports := range refused {
		for _, port := range ports {
			changes = append(changes, step.Change{
				Action: step.Create, ID: door{port: port}.id(name), To: portOpen,
				Blocked: "rules that are in no file which " + name + " loads drop it; open it where they come from" + otherwise,
			})
		}
	}
	return changes
}

// state flattens what was seen.
func (o Observed) state() step.State {
	s := step.State{}
	word := func(on bool, yes, no string) string {
		if on {
			return yes
		}
		return no
	}
	for _, f := range o.Services {
		s[activeID(f.Name)] = word(f.Active, active, inactive)
		if f.Name != ufw {
			s[enabledID(f.Name)] = word(f.Enabled, enabled, disabled)
		}
	}
	for id, value := range o.Ports {
		s[id] = value
	}
	return s
}

// ufwSwitch turns ufw on or off, now and at boot (ufw(8)).
func ufwSwitch(on bool) []string {
	if on {
		return []string{"ufw", "--force", "enable"}
	}
	return []string{"ufw", "disable"}
}

// persistentSwitch loads the stored rules or takes all rules away
// (netfilter-persistent(8)).
func persistentSwitch(on bool) []string {
	if on {
		return []string{persistent, "start"}
	}
	return []string{persistent, "flush"}
}

// command opens or closes the door.
func (d door) command(name string, open bool) []string {
	switch {
	case name == ufw && open:
		return []string{"ufw", "allow", ufwPort(d.port)}
	case name == ufw:
		return []string{"ufw", "delete", "allow", ufwPort(d.port)}
	}
	argv := []string{"firewall-cmd"}
	if d.when == boot {
		argv = append(argv, "--permanent")
	}
	if open {
		return append(argv, "--zone="+d.zone, d.option("add"))
	}
	return append(argv, "--zone="+d.zone, d.option("remove"))
}

// option is what firewall-cmd(1) calls the port or protocol.
func (d door) option(verb string) string {
	if number, ok := strings.CutSuffix(d.port, "/ip"); ok {
		return "--" + verb + "-protocol=" + number
	}
	return "--" + verb + "-port=" + d.port
}

// ufwPort writes ranges as ufw(8) does, with a colon.
func ufwPort(port string) string { return strings.Replace(port, "-", ":", 1) }

// sortedSet is a sorted copy without duplicates.
func sortedSet(s []string) []string {
	s = slices.Clone(s)
	sort.Strings(s)
	return slices.Compact(s)
}

type worker struct{ host host.Host }

// run runs a command that must succeed.
func (w worker) run(ctx context.Context, argv ...string) (string, error) {
	res, err := w.host.Run(ctx, argv...)
	if err != nil {
		return "", err
	}
	return res.Stdout, res.Err(argv...)
}

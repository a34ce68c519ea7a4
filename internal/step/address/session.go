package address

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// guardSession marks the changes that could cut the SSH session lvsup runs in: those
// to the interface that has its address, to the one its answers leave by, and
// to the default route if they take it. The other changes to the running
// network go with them, so that a rollback takes back one whole; the files for
// the next boot wait until the new way is known to work. What the plan no
// longer wants of an interface that it still names goes in the same breath; where
// the plan drops the session's interface that is refused. A destroy leaves what
// carries the session as it runs, and brings back the files for the next boot: where
// the host will be found then, a DHCP server says, and nobody can ask it before.
func guardSession(changes []step.Change, settings []netconf.Settings, have Observed) {
	s := have.Session
	if s == nil {
		return
	}
	reason := ""
	for n := range changes {
		c := &changes[n]
		if !c.Action.Mutates() || isBoot(*c) {
			continue
		}
		why := sessionReason(*c, *s)
		switch {
		case why == "":
		case c.Action.Removes() && len(settings) == 0:
			*c = leaveToTheBoot(*c, why)
		case c.Action.Removes() && gone(*c, settings):
			c.Blocked = why + "; connect through another interface (connection { host = ... }), or type at its console: " + atConsole(*c)
		case reason == "":
			reason = why
		}
	}
	for n := range changes {
		c := &changes[n]
		switch {
		case reason == "" || !c.Action.Mutates() || c.Blocked != "":
		case c.Action.Removes() && sessionReason(*c, *s) == "":
		case isBoot(*c):
			c.Boot = !c.Action.Removes()
		default:
			c.Guarded, c.Early = reason, c.Action.Removes()
		}
	}
	blockFiles(changes, have)
}

// atConsole is what a person types on a line at the console, where the interface is
// given up whole and other addresses need no care.
func atConsole(c step.Change) string {
	typed := slices.DeleteFunc(Commands(Desired{}, c), func(command string) bool { return !strings.HasPrefix(command, "ip ") })
	return strings.Join(typed, "; ")
}

// leaveToTheBoot is what a destroy does with a part of the running network that
// carries its own session.
func leaveToTheBoot(c step.Change, why string) step.Change {
	by := "it goes with the next boot"
	if typed := atConsole(c); typed != "" {
		by += ", or at the console: " + typed
	}
	return step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: why + "; " + by}
}

// gone reports whether a removal belongs to an interface that the plan has given
// up.
func gone(c step.Change, settings []netconf.Settings) bool {
	switch {
	case c.Key == KeyDefault:
		return false
	case isStatic(c.ID):
		return !slices.ContainsFunc(routeInterfaces(c), func(ifname string) bool { return named(settings, ifname) })
	}
	return !named(settings, c.Key)
}

func named(settings []netconf.Settings, ifname string) bool {
	return slices.ContainsFunc(settings, func(s netconf.Settings) bool { return s.Name == ifname })
}

// blockFiles keeps the boot files of an interface whose removal is blocked, so
// that nothing is half written.
func blockFiles(changes []step.Change, have Observed) {
	why := map[string]string{} // by interface
	for _, c := range changes {
		switch {
		case c.Blocked == "" || isBoot(c):
		case !isRoute(c.ID):
			why[c.Key] = c.Blocked
		default:
			for _, ifname := range routeInterfaces(c) {
				why[ifname] = c.Blocked
			}
		}
	}
	for n := range changes {
		c := &changes[n]
		if !c.Action.Mutates() || c.Field != step.ContentField || c.Key == netconf.ResolvConf {
			continue
		}
		for _, i := range have.Interfaces {
			if reason := why[i.Name]; reason != "" && have.Files.FileOf(c.Key, i.Name) {
				c.Blocked = reason
			}
		}
	}
}

// isBoot says that a change leaves the running network as it is.
func isBoot(c step.Change) bool { return c.Field == step.ContentField || c.Field == FieldIfState }

// sessionReason says why a change to the running network could cut the session.
func sessionReason(c step.Change, s Session) string {
	switch {
	case c.Key == KeyDefault:
		if s.ViaDefault && (c.Field == FieldGateway6) == s.Client.Is6() {
			return fmt.Sprintf("the default route carries this SSH session (%s)", s)
		}
	case isStatic(c.ID):
		if to, _, err := destination(c.ID); err == nil && to.Contains(s.Client) {
			return fmt.Sprintf("the route to %s is the way of this SSH session (%s)", to, s)
		}
	case s.crosses(c.Key):
		return fmt.Sprintf("%s carries this SSH session (%s)", c.Key, s)
	default:
		p, err := netip.ParsePrefix(c.Field)
		if err == nil && !c.Action.Removes() && (p.Masked().Contains(s.Client) || p.Addr() == s.Server) {
			return fmt.Sprintf("%s on %s would take over the way of this SSH session (%s), which %s carries", p, c.Key, s, s.Interface)
		}
	}
	return ""
}

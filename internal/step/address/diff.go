package address

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// Diff compares a plan's interfaces with the host. It gives the changes in the
// order in which they are to be made: boot files, DHCP client, DNS, link and MTU,
// addresses, routes, what the DHCP client left; and for removals the other way
// round, the files last.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	settings, err := parse(want)
	have.Interfaces = withPlanned(have.Interfaces, settings)
	var files map[string]string
	if err == nil {
		files, err = wantFiles(settings, owned, have)
	}
	if err != nil {
		// Validate and Observe say this first; a plan that holds it cannot be applied.
		return []step.Change{{Action: step.Update, ID: step.ID{Key: "network files"}, Blocked: err.Error()}}
	}
	state := wantState(settings, owned, have, files)
	changes := step.Reconcile(state, owned, haveState(settings, owned, have))
	for i := range changes {
		changes[i] = settle(changes[i], owned)
	}
	blockVLANs(changes, settings, have)
	blockBonds(changes, settings, owned, have)
	keepLinksInUse(changes, have)
	explain(changes, settings, have)
	guardSession(changes, settings, have)
	sort.SliceStable(changes, func(i, j int) bool {
		a, b := order(changes[i]), order(changes[j])
		return a < b || a == b && place(changes[i], settings) < place(changes[j], settings)
	})
	return changes
}

func content(path string) step.ID { return step.ID{Key: path, Field: step.ContentField} }

// wantFiles says what the boot files must hold. A file that nobody but lvsup
// has edited is planned anew from what it held before lvsup, so that nothing of
// an earlier plan stays behind.
func wantFiles(settings []netconf.Settings, owned step.Owned, have Observed) (map[string]string, error) {
	base := have.Files
	base.Content = map[string]string{}
	for path, text := range have.Files.Content {
		base.Content[path] = text
	}
	for id, e := range owned {
		if id.Field != step.ContentField {
			continue
		}
		text, there := have.Files.Content[id.Key]
		if there && !e.Ours(step.EncodeBytes([]byte(text))) {
			continue
		}
		before, err := step.DecodeBytes(e.Before)
		if err != nil {
			return nil, err
		}
		if e.Action == step.Create {
			delete(base.Content, id.Key)
		} else {
			base.Content[id.Key] = string(before)
		}
	}
	return netconf.Plan(have.Stack, base, settings)
}

// wantState flattens the plan. A link that is up, a DHCP client that does not
// run, a shared file that needs no edit and the like are no business of lvsup's
// unless it made them so.
func wantState(settings []netconf.Settings, owned step.Owned, have Observed, files map[string]string) step.State {
	state := step.State{}
	seen := haveState(settings, owned, have)
	quietly := func(id step.ID, value string) {
		if _, mine := owned[id]; mine || seen[id] != value {
			state[id] = value
		}
	}
	for path, text := range files {
		value := step.EncodeBytes([]byte(text))
		if path == netconf.InterfacesTop || path == netconf.ResolvConf {
			quietly(content(path), value) // shared by all interfaces
		} else {
			state[content(path)] = value
		}
	}
	for _, name := range netconf.WithLinks(settings) {
		quietly(step.ID{Key: name, Field: FieldLink}, up)
	}
	for _, name := range members(settings) {
		quietly(step.ID{Key: name, Field: FieldDHCP}, stopped)
		quietly(step.ID{Key: name, Field: FieldLease}, none)
	}
	for _, s := range settings {
		if s.VLAN != (netconf.VLAN{}) {
			state[step.ID{Key: s.Name, Field: FieldDevice}] = rtnl.VLAN(s.VLAN).String()
		}
		if s.Bond.Mode != "" {
			state[step.ID{Key: s.Name, Field: FieldDevice}] = rtnl.Bond(s.Bond).String()
		}
		if s.MTU != 0 {
			state[step.ID{Key: s.Name, Field: FieldMTU}] = strconv.Itoa(s.MTU)
		}
		for _, p := range s.All() {
			state[step.ID{Key: s.Name, Field: p.String()}] = present
		}
		if slices.ContainsFunc(s.All(), func(p netip.Prefix) bool { return p.Addr().Is4() }) {
			quietly(step.ID{Key: s.Name, Field: FieldDHCP}, stopped)
			quietly(step.ID{Key: s.Name, Field: FieldLease}, none)
		}
		if have.Stack == netconf.StackIfupdown {
			quietly(step.ID{Key: s.Name, Field: FieldIfState}, up)
		}
	}
	maps.Copy(state, planRoutes(settings))
	return state
}

// haveState flattens what the host has, whoever made it.
func haveState(settings []netconf.Settings, owned step.Owned, have Observed) step.State {
	state := step.State{}
	for path, text := range have.Files.Content {
		state[content(path)] = step.EncodeBytes([]byte(text))
	}
	for _, i := range have.Interfaces {
		var plan netconf.Settings
		for _, s := range settings {
			if s.Name == i.Name {
				plan = s
			}
		}
		link := down
		if i.Up {
			link = up
		}
		if i.Index != planned && (i.VLAN != rtnl.VLAN{} || i.Bond.Mode != "" || isMade(settings, i.Name)) {
			state[step.ID{Key: i.Name, Field: FieldDevice}] = deviceText(i, plan.Bond.Mode != "")
		}
		state[step.ID{Key: i.Name, Field: FieldLink}] = link
		state[step.ID{Key: i.Name, Field: FieldMTU}] = strconv.Itoa(i.MTU)
		for _, p := range i.Addresses {
			value := present
			if i.IsDynamic(p) {
				value = leased
			}
			state[step.ID{Key: i.Name, Field: p.String()}] = value
		}
		running := stopped
		if clients := have.clients(i); len(clients) > 0 {
			var names []string
			for _, c := range clients {
				names = append(names, c.Program)
			}
			slices.Sort(names)
			running = strings.Join(slices.Compact(names), " ")
		}
		state[step.ID{Key: i.Name, Field: FieldDHCP}] = running
		state[step.ID{Key: i.Name, Field: FieldLease}] = have.lease(i, plan)
		if netconf.HasIfState(have.IfState, i.Name) {
			state[step.ID{Key: i.Name, Field: FieldIfState}] = up
		}
	}
	maps.Copy(state, haveRoutes(settings, owned, have))
	return state
}

// settle turns releases into what can be done of them here.
func settle(c step.Change, owned step.Owned) step.Change {
	if c.Action != step.Delete && c.Action != step.Restore {
		return c
	}
	e := owned[c.ID]
	forget := func(why string) step.Change {
		return step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: why}
	}
	switch {
	case e.Action == step.Adopt:
		return forget("it was there before lvsup")
	case c.Field == FieldDHCP:
		return forget("the boot files have the DHCP client back: it starts with the next boot, or ifup " + c.Key)
	case c.Field == FieldLease:
		return forget("a lease comes back with its DHCP client")
	case isRoute(c.ID) && c.Action == step.Restore:
		before, err := parseRoute(c.ID, c.To)
		if _, gone := owned[step.ID{Key: before.Interface, Field: FieldLease}]; err != nil || gone {
			return step.Change{Action: step.Delete, ID: c.ID, From: c.From, Why: "the route before came with a lease"}
		}
	}
	return c
}

// keepLinksInUse leaves a link up that lvsup set up, and a device that it made,
// once others have put addresses or VLANs on it.
func keepLinksInUse(changes []step.Change, have Observed) {
	going := map[step.ID]bool{}
	for _, c := range changes {
		going[c.ID] = c.Action == step.Delete
	}
	keep := func(field string, action step.Action) {
		for n, c := range changes {
			if c.Field != field || c.Action != action {
				continue
			}
			if used := usedFor(c.Key, going, have); used != "" {
				changes[n] = step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: "others use it: " + used}
				going[c.ID] = false
			}
		}
	}
	keep(FieldDevice, step.Delete) // first: one that stays uses the link below
	keep(FieldLink, step.Restore)
	for n, c := range changes {
		if (c.Field == FieldLink || c.Field == FieldMTU) && c.Action == step.Restore && going[step.ID{Key: c.Key, Field: FieldDevice}] {
			changes[n] = step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: "it goes with its device"}
		}
	}
}

// usedFor names what stays on an interface; empty if nothing does. A client's
// addresses come back with it, so they do not count.
func usedFor(name string, going map[step.ID]bool, have Observed) string {
	i, _ := rtnl.Find(have.Interfaces, name)
	for _, p := range i.Addresses {
		if !p.Addr().IsLinkLocalUnicast() && !i.IsDynamic(p) && !going[step.ID{Key: name, Field: p.String()}] {
			return p.String()
		}
	}
	if i.Master != "" && !going[step.ID{Key: i.Master, Field: FieldDevice}] {
		return i.Master
	}
	for _, upper := range have.Interfaces {
		if upper.VLAN.Link == name && upper.Index != planned && !going[step.ID{Key: upper.Name, Field: FieldDevice}] {
			return upper.Name
		}
	}
	return ""
}

// explain says what a value alone does not show.
func explain(changes []step.Change, settings []netconf.Settings, have Observed) {
	for n := range changes {
		c := &changes[n]
		if c.Action.Removes() || !c.Action.Mutates() {
			continue
		}
		switch {
		case c.Field == FieldDHCP:
			c.Why = "a DHCP client would put its lease back"
			c.Blocked = servesAll(c.Key, have)
		case c.Field == FieldLease && bondOf(settings, c.Key) != "":
			c.Why = "a member of " + bondOf(settings, c.Key) + " has no address"
		case c.Field == FieldLease:
			c.Why = "left by a DHCP client, and taken away once the static address is there"
		case c.Field == FieldIfState:
			c.Why = "tells ifup and ifdown that the interface is up"
		case c.From == leased:
			c.Why = "it has a lifetime, which is lifted"
		case c.Field == step.ContentField:
			c.Why = dropsAddress(*c, settings, have)
		}
	}
}

// servesAll says why the DHCP client of an interface cannot be stopped: it was
// told no interface, and others would lose their lease with it.
func servesAll(name string, have Observed) string {
	i, _ := rtnl.Find(have.Interfaces, name)
	for _, c := range have.clients(i) {
		if len(c.Interfaces) == 0 {
			return fmt.Sprintf("cannot stop DHCP on %s alone: %s (process %d) serves all interfaces; start it for the others by name, or stop it", name, c.Program, c.PID)
		}
	}
	return ""
}

// dropsAddress says that a lasting address of a plan's interface is in a boot
// file no more. It is not lvsup's to take away now.
func dropsAddress(c step.Change, settings []netconf.Settings, have Observed) string {
	for _, s := range settings {
		i, _ := rtnl.Find(have.Interfaces, s.Name)
		for _, p := range i.Addresses {
			a := p.Addr().String()
			if !s.Has(p.Addr()) && !i.IsDynamic(p) && have.Files.FileOf(c.Key, s.Name) &&
				strings.Contains(netconf.Uncommented(c.From), a) && !strings.Contains(netconf.Uncommented(c.To), a) {
				return p.String() + " goes from the file, and from " + s.Name + " with the next boot"
			}
		}
	}
	return ""
}

// place is where an address stands among those of its interface: the first of a
// network is the one that packets leave with, now and after a boot. A VLAN comes up
// after the interface below it, and has no larger MTU.
func place(c step.Change, settings []netconf.Settings) int {
	if c.Field == FieldDevice && strings.HasPrefix(c.To, bondText) {
		return -1 // and so before the VLANs on it
	}
	if c.Field == FieldDevice && strings.HasPrefix(c.From, bondText) {
		return 1
	}
	for _, s := range settings {
		switch {
		case s.Name != c.Key || c.Field == FieldDevice:
		case c.Field == FieldLink || c.Field == FieldMTU:
			if s.VLAN != (netconf.VLAN{}) {
				return 1
			}
			return 0
		default:
			return slices.IndexFunc(s.All(), func(p netip.Prefix) bool { return p.String() == c.Field })
		}
	}
	return 0
}

// order is a change's place in its pass.
func order(c step.Change) int {
	place := 0
	switch {
	case c.Early:
		return 9 // the way of the session so far, once the new one is there
	case c.Boot:
		place = 10 // once what is guarded is confirmed
	case c.Key == netconf.ResolvConf:
		place = 2 // a DHCP client would write over it
	case c.Field == step.ContentField:
		place = 0
	case c.Field == FieldDHCP:
		place = 1
	case c.Field == FieldDevice:
		place = 2
	case c.Field == FieldLink || c.Field == FieldMTU:
		place = 3 // IPv6 addresses need an MTU of 1280
	case isRoute(c.ID):
		place = 5
	case c.Field == FieldLease:
		place = 6
	case c.Field == FieldIfState:
		place = 7
	default:
		place = 4 // an address
	}
	if c.Action.Removes() {
		return 100 - place
	}
	return place
}

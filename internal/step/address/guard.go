package address

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// snapshot is what guarded changes touch of the running network, as it was
// before. Others go on working on the host meanwhile: a container ends, a VRRP
// daemon moves a virtual address.
type snapshot struct {
	Links   []linkState  `json:"links"`             // those that the changes name
	Routes  []rtnl.Route `json:"routes"`            // default routes, and those through Links, that the kernel does not make by itself
	Clients []command    `json:"clients,omitempty"` // the DHCP clients that ran on Links
	// Exact are the routes of every table through Links, as the kernel has them.
	Exact []rtnl.SavedRoute `json:"exact,omitempty"`
	// Destinations are those of the static routes that the changes name.
	Destinations []netip.Prefix `json:"destinations,omitempty"`
	// Devices are the VLANs and bonds that the changes make, in that order.
	Devices []device `json:"devices,omitempty"`
	// Bonds are those that the changes change.
	Bonds []device `json:"bonds,omitempty"`
}

// linkState is one interface.
type linkState struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
	MTU  int    `json:"mtu,omitempty"` // in bytes; 0: the changes leave it alone
	// Addresses are without link-local ones, and without those of a single IPv4
	// host that the changes do not name: when such a one goes, others took it.
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	// Leases are those of Addresses that have a lifetime.
	Leases []netip.Prefix  `json:"leases,omitempty"`
	Valid  []time.Duration `json:"valid,omitempty"` // how long each of Leases stays, in nanoseconds
	// Added are the addresses that the changes bring.
	Added []netip.Prefix `json:"added,omitempty"`
}

func (l linkState) validFor(p netip.Prefix) time.Duration {
	if n := slices.Index(l.Leases, p); n >= 0 && n < len(l.Valid) {
		return l.Valid[n]
	}
	return 0
}

// command is how a process was started.
type command struct {
	Path string   `json:"path"` // the program's file
	Argv []string `json:"argv"`
}

// leaseBack is how long an address with a lifetime stays at least once a rollback
// has brought it back, unless its DHCP client renews it. A client that lives in
// NetworkManager or networkd knows of nothing, and renews in its own time: until
// then the lease must last as long as it was to.
const leaseBack = 10 * time.Minute

func (s system) guard() *step.Guard {
	return &step.Guard{
		Snapshot: func(_ context.Context, changes []step.Change) (json.RawMessage, error) {
			snap, err := s.snapshot(changes)
			if err != nil {
				return nil, err
			}
			return json.Marshal(snap)
		},
		Rollback: func(ctx context.Context, raw json.RawMessage) error {
			var snap snapshot
			if err := json.Unmarshal(raw, &snap); err != nil {
				return fmt.Errorf("cannot read the snapshot: %w", err)
			}
			return s.rollback(ctx, snap)
		},
		ByHand: func(raw json.RawMessage) []string {
			var snap snapshot
			if json.Unmarshal(raw, &snap) != nil {
				return nil // Rollback says so
			}
			return byHand(snap)
		},
	}
}

func (s system) snapshot(changes []step.Change) (snapshot, error) {
	snap, err := s.running(touched(changes))
	if err != nil {
		return snap, err
	}
	if snap.Exact, err = s.kernel.SaveRoutes(snap.names()); err != nil {
		return snap, err
	}
	for n := range snap.Links {
		l := &snap.Links[n]
		if !slices.ContainsFunc(changes, func(c step.Change) bool { return c.Key == l.Name && c.Field == FieldMTU }) {
			l.MTU = 0
		}
		l.Addresses = slices.DeleteFunc(l.Addresses, func(p netip.Prefix) bool {
			return p.Addr().Is4() && p.IsSingleIP() && !slices.ContainsFunc(changes, func(c step.Change) bool {
				return c.Key == l.Name && (c.Field == p.String() || slices.Contains(strings.Fields(c.From), p.String()))
			})
		})
		for _, c := range changes {
			if p, err := netip.ParsePrefix(c.Field); err == nil && c.Key == l.Name && !c.Action.Removes() && c.Action.Mutates() {
				l.Added = append(l.Added, p)
			}
		}
	}
	for _, c := range changes {
		switch {
		case c.Field != FieldDevice:
		case c.Action == step.Create && strings.HasPrefix(c.To, bondText):
			snap.Devices = append(snap.Devices, device{c.Key, c.To})
		case c.Action == step.Create: // before the bond that it may stand on
			snap.Devices = append([]device{{c.Key, c.To}}, snap.Devices...)
		case strings.HasPrefix(c.From, bondText) && c.Action.Mutates() && !c.Action.Removes():
			snap.Bonds = append(snap.Bonds, device{c.Key, c.From})
		}
		if to, _, err := destination(c.ID); err == nil && isStatic(c.ID) && c.Action.Mutates() {
			snap.Destinations = append(snap.Destinations, to)
		}
	}
	for _, c := range s.dhcpClients() {
		if !slices.ContainsFunc(c.Interfaces, snap.has) {
			continue
		}
		cmd, err := s.commandOf(c.PID)
		if err != nil {
			return snap, fmt.Errorf("cannot see how %s (process %d) was started, to start it again: %w", c.Program, c.PID, err)
		}
		snap.Clients = append(snap.Clients, cmd)
	}
	return snap, nil
}

// touched lists the interfaces that the changes name.
func touched(changes []step.Change) []string {
	var names []string
	for _, c := range changes {
		switch {
		case !c.Action.Mutates() || isBoot(c):
		case isRoute(c.ID):
			names = append(names, routeInterfaces(c)...)
		case c.Field == FieldDevice:
			names = append(names, c.Key)
			for _, text := range []string{c.From, c.To} {
				b, _ := rtnl.ParseBond(text) // a VLAN has no members
				names = append(names, b.Members...)
			}
		default:
			names = append(names, c.Key)
		}
	}
	return names
}

// running reads the interfaces with those names, and the routes.
func (s system) running(names []string) (snapshot, error) {
	var snap snapshot
	interfaces, err := s.kernel.Interfaces()
	if err != nil {
		return snap, err
	}
	for _, i := range interfaces {
		if slices.Contains(names, i.Name) {
			snap.Links = append(snap.Links, linkOf(i))
		}
	}
	routes, err := s.kernel.Routes()
	for _, r := range routes {
		if r.Proto != "kernel" && !r.Destination.Addr().IsLinkLocalUnicast() && (r.IsDefault() || snap.has(r.Interface)) {
			snap.Routes = append(snap.Routes, r)
		}
	}
	return snap, err
}

func (s snapshot) has(ifname string) bool { return slices.Contains(s.names(), ifname) }

func (s snapshot) names() []string {
	var names []string
	for _, l := range s.Links {
		names = append(names, l.Name)
	}
	return names
}

func linkOf(i rtnl.Interface) linkState {
	l := linkState{Name: i.Name, Up: i.Up, MTU: i.MTU}
	for _, p := range i.Addresses {
		if p.Addr().IsLinkLocalUnicast() {
			continue
		}
		l.Addresses = append(l.Addresses, p)
		if i.IsDynamic(p) {
			l.Leases = append(l.Leases, p)
			l.Valid = append(l.Valid, i.ValidFor(p))
		}
	}
	return l
}

// rollback goes on after a failure: what can be brought back is.
func (s system) rollback(ctx context.Context, snap snapshot) error {
	var failed []error
	try := func(err error) {
		if err != nil {
			failed = append(failed, err)
		}
	}
	interfaces, err := s.kernel.Interfaces()
	try(err)
	for _, l := range snap.Links {
		now, there := rtnl.Find(interfaces, l.Name)
		if !there {
			continue
		}
		if l.Up && !now.Up {
			try(s.kernel.SetUp(l.Name))
		}
		if l.MTU != 0 && l.MTU != now.MTU {
			try(s.kernel.SetMTU(l.Name, l.MTU))
		}
		// First the old addresses, then without the new ones: an address that is
		// removed takes the routes that lean on it with it.
		for _, p := range l.Addresses {
			switch {
			case now.Has(p) && now.IsDynamic(p) == slices.Contains(l.Leases, p):
			case slices.Contains(l.Leases, p):
				try(s.kernel.LeaseAddress(l.Name, p, max(leaseBack, l.validFor(p))))
			default:
				try(s.kernel.AddAddress(l.Name, p))
			}
		}
		for _, p := range l.Added {
			if !slices.Contains(l.Addresses, p) && now.Has(p) {
				try(s.kernel.DelAddress(l.Name, p))
			}
		}
	}
	for _, d := range snap.Devices {
		try(s.removeDevice(d.Name, d.Text))
	}
	for _, d := range snap.Bonds {
		b, err := rtnl.ParseBond(d.Text)
		if err == nil {
			err = s.kernel.SetBond(d.Name, b)
		}
		try(err)
	}
	try(s.rollbackRoutes(snap))
	for _, l := range snap.Links {
		if now, there := rtnl.Find(interfaces, l.Name); there && !l.Up && now.Up {
			try(s.kernel.SetDown(l.Name))
		}
	}
	try(s.restartClients(ctx, snap.Clients))
	s.announce(snap)
	if left := s.differences(snap); left != "" {
		failed = append([]error{errors.New("not as it was: " + left)}, failed...) // what matters, then why
	}
	return errors.Join(failed...)
}

func (s system) rollbackRoutes(snap snapshot) error {
	routes, err := s.kernel.Routes()
	if err != nil {
		return err
	}
	var failed []error
	for _, r := range routes {
		// This one and no other: one with another metric may have been there before.
		ours := r.IsDefault() || slices.Contains(snap.Destinations, r.Destination)
		if ours && r.Proto != "kernel" && snap.has(r.Interface) && !slices.ContainsFunc(snap.Routes, r.Same) {
			failed = append(failed, s.kernel.DelRoute(r))
		}
	}
	_ = s.kernel.RestoreRoutes(snap.Exact, snap.names()) // what it does not bring back, differences sees
	// What is missing still is brought back as far as its parts go: a link that was
	// made anew has another index. On-link routes first: the others need them to
	// reach their gateway.
	if routes, err = s.kernel.Routes(); err != nil {
		return errors.Join(append(failed, err)...)
	}
	for _, viaGateway := range []bool{false, true} {
		for _, r := range snap.Routes {
			if r.Gateway.IsValid() == viaGateway && !slices.ContainsFunc(routes, r.Same) {
				failed = append(failed, s.kernel.AddRoute(r))
			}
		}
	}
	return errors.Join(failed...)
}

// announce tells the segment who has the old addresses again. Best effort: they
// work without it as soon as neighbours ask.
func (s system) announce(snap snapshot) {
	for _, l := range snap.Links {
		for _, p := range l.Addresses {
			if p.Addr().Is4() && l.Up {
				_ = s.kernel.Announce(l.Name, p.Addr())
			}
		}
	}
}

// restartClients starts the DHCP clients that do not run any more.
func (s system) restartClients(ctx context.Context, clients []command) error {
	var running []command
	for _, c := range s.dhcpClients() {
		if cmd, err := s.commandOf(c.PID); err == nil {
			running = append(running, cmd)
		}
	}
	var failed []error
	for _, c := range clients {
		if slices.ContainsFunc(running, func(r command) bool { return slices.Equal(r.Argv, c.Argv) }) {
			continue
		}
		if err := s.kernel.Start(ctx, c.Path, c.Argv); err != nil {
			failed = append(failed, err)
		}
		running = append(running, c) // which had several processes, maybe
	}
	return errors.Join(failed...)
}

// differences says what is not as the snapshot has it, empty if nothing.
func (s system) differences(snap snapshot) string {
	now, err := s.running(snap.names())
	if err != nil {
		return err.Error()
	}
	var left []string
	interfaces, err := s.kernel.Interfaces()
	for _, d := range snap.Devices {
		if _, there := rtnl.Find(interfaces, d.Name); there && err == nil {
			left = append(left, d.Name+" is still there")
		}
	}
	for _, d := range snap.Bonds {
		if i, _ := rtnl.Find(interfaces, d.Name); i.Bond.String() != d.Text && err == nil {
			left = append(left, d.Name+" is not "+d.Text)
		}
	}
	for _, want := range snap.Links {
		i := slices.IndexFunc(now.Links, func(l linkState) bool { return l.Name == want.Name })
		if i < 0 {
			left = append(left, want.Name+" is gone")
			continue
		}
		if now.Links[i].Up != want.Up {
			left = append(left, want.Name+" is "+upDown(now.Links[i].Up))
		}
		if mtu := now.Links[i].MTU; want.MTU != 0 && mtu != want.MTU {
			left = append(left, fmt.Sprintf("%s has an mtu of %d and not %d", want.Name, mtu, want.MTU))
		}
		for _, p := range want.Addresses {
			if !slices.Contains(now.Links[i].Addresses, p) {
				left = append(left, fmt.Sprintf("%s lacks %s", want.Name, p))
			}
		}
	}
	for _, r := range snap.Routes {
		if !slices.ContainsFunc(now.Routes, r.Same) {
			left = append(left, "the route "+r.Destination.String()+" "+routeText(r)+" is missing")
		}
	}
	exact, err := s.kernel.SaveRoutes(snap.names())
	if err != nil {
		left = append(left, err.Error())
	}
	for _, r := range snap.Exact {
		// A link that was made anew has another index, and its routes read the same.
		same := func(e rtnl.SavedRoute) bool { return e.Text == r.Text }
		if err == nil && !rtnl.Holds(exact, r) && !slices.ContainsFunc(exact, same) {
			left = append(left, "the route "+r.Text+" is missing")
		}
	}
	return strings.Join(left, "; ")
}

func upDown(isUp bool) string {
	if isUp {
		return up
	}
	return down
}

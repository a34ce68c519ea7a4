// Package ipvstest has a table that obeys the rules of the kernel's IPVS, for
// tests that have no kernel. A test with a real one holds it to them.
package ipvstest

import (
	"context"
	"net/netip"
	"slices"
	"syscall"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
)

// Kernel is a table in memory. It is not safe for concurrent use.
type Kernel struct {
	// Write, if set, is called before each change and can refuse it.
	Write func() error
	// Schedulers are those the kernel knows.
	Schedulers []string
	// Engines are the persistence engines that it knows.
	Engines []string
	// MTU has the interfaces that sync daemons can use, by name; nil: whatever
	// they ask for is there, with 1500 bytes.
	MTU map[string]int
	// HZ is the number of ticks a second, which bound the timeouts.
	HZ int

	services []*ipvs.ServiceState
	timeouts ipvs.Timeouts
	daemons  []ipvs.Daemon
}

// New gives an empty table of a kernel with all schedulers and 250 ticks a
// second.
func New() *Kernel {
	return &Kernel{
		Schedulers: ipvs.Schedulers(),
		Engines:    []string{"sip"},
		HZ:         250,
		timeouts:   ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300},
	}
}

// Dump gives a copy of the table.
func (k *Kernel) Dump(ctx context.Context) ([]ipvs.ServiceState, error) {
	var out []ipvs.ServiceState
	for _, s := range k.services {
		c := *s
		c.Destinations = slices.Clone(s.Destinations)
		out = append(out, c)
	}
	return out, ctx.Err()
}

// Destinations gives a copy of a service's real servers, none without it.
func (k *Kernel) Destinations(ctx context.Context, key ipvs.ServiceKey) ([]ipvs.DestinationState, error) {
	if s := k.find(key); s != nil {
		return slices.Clone(s.Destinations), ctx.Err()
	}
	return nil, ctx.Err()
}

// Close does nothing.
func (k *Kernel) Close() error { return nil }

// Connect sets the number of established connections of a destination, which
// must be there.
func (k *Kernel) Connect(key ipvs.ServiceKey, i int, active uint32) {
	k.find(key).Destinations[i].ActiveConns = active
}

// Do carries out the commands as ipvs.Client does.
func (k *Kernel) Do(ctx context.Context, cmds []ipvs.Command) (int, error) {
	fail := &ipvs.BatchError{Total: len(cmds)}
	if fail.Err = ctx.Err(); fail.Err != nil {
		return 0, fail
	}
	done := 0
	for i, c := range cmds {
		if k.Write != nil {
			if fail.Err = k.Write(); fail.Err != nil {
				return done, fail
			}
		}
		fail.Sent, fail.Acked = i+1, i+1
		if errno := k.do(c); errno != 0 {
			fail.Failed = append(fail.Failed, ipvs.IndexedError{Index: i, Err: &ipvs.Error{Op: c.Op, Command: c, Err: errno}})
			continue
		}
		done++
	}
	if len(fail.Failed) > 0 {
		return done, fail
	}
	return done, nil
}

// do follows ip_vs_genl_set_cmd and what it calls (ip_vs_ctl.c), in the order
// in which they look for mistakes.
func (k *Kernel) do(c ipvs.Command) syscall.Errno {
	s := k.find(c.Service.Key)
	if c.Op == ipvs.OpAddService {
		if s != nil {
			return syscall.EEXIST
		}
		if errno := k.check(c.Service); errno != 0 {
			return errno
		}
		k.services = append(k.services, &ipvs.ServiceState{Service: stored(c.Service)})
		return 0
	}
	if s == nil {
		return syscall.ESRCH
	}
	switch c.Op {
	case ipvs.OpSetService:
		if errno := k.check(c.Service); errno != 0 {
			return errno
		}
		s.Service = stored(c.Service)
	case ipvs.OpDeleteService:
		k.services = slices.DeleteFunc(k.services, func(o *ipvs.ServiceState) bool { return o == s })
	default:
		return k.destination(s, c)
	}
	return 0
}

// check looks for mistakes in a service's settings. The scheduler "none" is one
// to the kernel: it takes no connections.
func (k *Kernel) check(s ipvs.Service) syscall.Errno {
	switch {
	case s.Scheduler != "none" && !slices.Contains(k.Schedulers, s.Scheduler),
		s.PEName != "" && !slices.Contains(k.Engines, s.PEName):
		return syscall.ENOENT
	case s.Key.Address.Is6() && s.Mask() > 128:
		return syscall.EINVAL
	}
	return 0
}

func (k *Kernel) destination(s *ipvs.ServiceState, c ipvs.Command) syscall.Errno {
	d := c.Destination
	if c.Op != ipvs.OpDeleteDestination {
		// The protocol of the sync daemons cannot carry mixed families.
		if d.Address.Is4() != s.Key.Address.Is4() && (len(k.daemons) > 0 || d.Forwarding != ipvs.Tunnel) {
			return syscall.EINVAL
		}
		if d.Weight >= 1<<31 || d.LowerThreshold > d.UpperThreshold {
			return syscall.ERANGE
		}
		if d.Forwarding == ipvs.Tunnel && d.Tunnel.Type == ipvs.TunnelGUE && d.Tunnel.Port == 0 {
			return syscall.EINVAL
		}
	}
	i := slices.IndexFunc(s.Destinations, func(o ipvs.DestinationState) bool { return o.Addr() == d.Addr() })
	if d.Forwarding != ipvs.Tunnel {
		d.Tunnel = ipvs.TunnelSettings{}
	}
	switch {
	case c.Op == ipvs.OpAddDestination && i >= 0:
		return syscall.EEXIST
	case c.Op == ipvs.OpAddDestination && !reachable(d.Address):
		return syscall.EINVAL
	case c.Op == ipvs.OpAddDestination:
		s.Destinations = append(s.Destinations, ipvs.DestinationState{Destination: d})
	case i < 0:
		return syscall.ENOENT
	case c.Op == ipvs.OpSetDestination:
		s.Destinations[i].Destination = d
	default:
		s.Destinations = slices.Delete(s.Destinations, i, i+1)
	}
	return 0
}

// reachable reports whether the kernel takes the address for that of one
// machine (ip_vs_new_dest).
func reachable(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255}) &&
		!(a.Is6() && a.IsLinkLocalUnicast())
}

// stored is a service as the kernel gives it back.
func stored(s ipvs.Service) ipvs.Service {
	s.Netmask = s.Mask()
	return s
}

func (k *Kernel) find(key ipvs.ServiceKey) *ipvs.ServiceState {
	for _, s := range k.services {
		if s.Key == key {
			return s
		}
	}
	return nil
}

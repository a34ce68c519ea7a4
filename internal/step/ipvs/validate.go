package ipvs

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
)

// MaxPersistence is the longest persistence that ipvsadm(8) takes, 31 days in
// seconds.
const MaxPersistence = 31 * 24 * 60 * 60

// MaxWeight is the largest weight that ipvsadm(8) takes.
const MaxWeight = 65535

// MaxThreshold is the largest threshold that ipvsadm(8) takes, in connections.
const MaxThreshold = math.MaxInt32

// schedulerName is what a scheduler's module can be called; it ends up in a
// command line and in a file.
var schedulerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,14}$`)

// Validate names what is wrong with a wanted table.
func Validate(want Desired) error {
	if err := validDrain(want.DrainSeconds); err != nil {
		return err
	}
	services := make(map[ipvs.ServiceKey]bool, len(want.Services))
	for i, s := range want.Services {
		key, err := s.key()
		if err != nil {
			return fmt.Errorf("services[%d]: %w", i, err)
		}
		if services[key] {
			return fmt.Errorf("services[%d]: %s is there twice", i, key)
		}
		services[key] = true
		if err := s.validate(key, len(want.Sync) > 0); err != nil {
			return fmt.Errorf("services[%d] (%s): %w", i, key, err)
		}
	}
	if want.Timeouts != nil {
		if err := want.Timeouts.validate(); err != nil {
			return fmt.Errorf("timeouts: %w", err)
		}
	}
	roles := map[string]bool{}
	for i, d := range want.Sync {
		err := d.validate()
		if err == nil && roles[d.Role] {
			err = fmt.Errorf("role: %s is there twice, and the kernel runs one of each", d.Role)
		}
		if err != nil {
			return fmt.Errorf("sync[%d]: %w", i, err)
		}
		roles[d.Role] = true
	}
	return nil
}

func validDrain(seconds *int) error {
	if seconds != nil && *seconds < 0 {
		return fmt.Errorf("drain_seconds: %d is below 0", *seconds)
	}
	return nil
}

// validate checks a service; synced says that a sync daemon is to run.
func (s Service) validate(key ipvs.ServiceKey, synced bool) error {
	if err := s.validatePersistence(key); err != nil {
		return err
	}
	switch {
	case !schedulerName.MatchString(s.Scheduler):
		return fmt.Errorf("scheduler: %q is not the name of one", s.Scheduler)
	case s.OnePacket && key.Protocol != ipvs.UDP && key.FWMark == 0:
		return fmt.Errorf("one_packet: %s has connections; only udp and firewall marks can do without", s.Protocol)
	case s.Port == 0 && s.FWMark == 0 && s.PersistenceSeconds == 0:
		return fmt.Errorf("port: 0, every port, needs persistence: without it the kernel takes the service and never uses it")
	}
	if _, err := schedulerFlags(s.Scheduler, s.SchedulerFlags); err != nil {
		return err
	}
	if err := validDrain(s.DrainSeconds); err != nil {
		return err
	}
	backends := make(map[netip.AddrPort]bool, len(s.Backends))
	for i, b := range s.Backends {
		d, err := b.destination(key)
		switch {
		case err != nil:
		case backends[d.Addr()]:
			err = fmt.Errorf("address: %s is there twice", d.Addr())
		case synced && d.Address.Is4() != key.Address.Is4():
			err = fmt.Errorf("address: %s is not of the service's family, which the kernel refuses beside a sync daemon", d.Address)
		}
		if err != nil {
			return fmt.Errorf("backends[%d]: %w", i, err)
		}
		backends[d.Addr()] = true
	}
	return nil
}

func (s Service) validatePersistence(key ipvs.ServiceKey) error {
	switch {
	case s.PersistenceSeconds < 0 || s.PersistenceSeconds > MaxPersistence:
		return fmt.Errorf("persistence_seconds: %d is not within 0..%d", s.PersistenceSeconds, MaxPersistence)
	case s.PersistencePrefix < 0 || s.PersistencePrefix > key.Address.BitLen():
		return fmt.Errorf("persistence_prefix: %d is not within 1..%d", s.PersistencePrefix, key.Address.BitLen())
	case s.Engine == "":
		return nil
	case s.Engine != "sip":
		return fmt.Errorf("engine: %q is not sip, the only one that kernels have", s.Engine)
	case s.PersistenceSeconds == 0:
		return fmt.Errorf("engine: %s is one of persistence, and persistence_seconds is 0", s.Engine)
	case key.Protocol != ipvs.UDP && key.FWMark == 0:
		// ip_vs_sip_fill_param fails for anything else, and the packet is dropped.
		return fmt.Errorf("engine: sip reads udp only; under %s it lets no connection through", s.Protocol)
	}
	return nil
}

// key gives what identifies the service in the kernel.
func (s Service) key() (ipvs.ServiceKey, error) {
	if s.FWMark != 0 {
		if s.Protocol != "" || s.Address != "" || s.Port != 0 {
			return ipvs.ServiceKey{}, fmt.Errorf("fwmark: a service has either a mark or a protocol, an address and a port")
		}
		if s.IPv6 {
			return ipvs.ServiceKey{FWMark: s.FWMark, Address: netip.IPv6Unspecified()}, nil
		}
		return ipvs.ServiceKey{FWMark: s.FWMark, Address: netip.IPv4Unspecified()}, nil
	}
	protocol, err := ipvs.ParseProtocol(s.Protocol)
	if err != nil {
		return ipvs.ServiceKey{}, fmt.Errorf("protocol: %w", err)
	}
	addr, err := address(s.Address)
	return ipvs.ServiceKey{Protocol: protocol, Address: addr, Port: s.Port}, err
}

// service gives the service as the kernel should have it.
func (s Service) service(key ipvs.ServiceKey) ipvs.Service {
	out := ipvs.Service{Key: key, Scheduler: s.Scheduler, Netmask: ipvs.FullMask(key.Address), PEName: s.Engine}
	out.Flags, _ = schedulerFlags(s.Scheduler, s.SchedulerFlags) // Validate has seen them
	if s.OnePacket {
		out.Flags |= ipvs.FlagOnePacket
	}
	if s.PersistenceSeconds > 0 {
		out.Flags |= ipvs.FlagPersistent
		out.Timeout = uint32(s.PersistenceSeconds)
		if s.PersistencePrefix > 0 {
			out.Netmask = ipvs.PrefixMask(key.Address, s.PersistencePrefix)
		}
	}
	return out
}

// schedulerFlags turns the names of a scheduler's flags into the kernel's.
func schedulerFlags(scheduler string, names []string) (ipvs.Flags, error) {
	var flags ipvs.Flags
	for _, name := range names {
		flag, ok := parseSchedulerFlag(scheduler, name)
		if !ok || strings.HasPrefix(name, "flag-") {
			return 0, fmt.Errorf("scheduler_flags: %q is no flag of %s: sh has sh-fallback and sh-port, mh has mh-fallback and mh-port, others have none", name, scheduler)
		}
		flags |= flag
	}
	return flags, nil
}

// destination gives the backend as the kernel should have it.
func (b Backend) destination(key ipvs.ServiceKey) (ipvs.Destination, error) {
	addr, err := address(b.Address)
	if err != nil {
		return ipvs.Destination{}, err
	}
	forwarding, ok := ipvs.ParseForwarding(b.Forwarding)
	switch {
	case !ok || forwarding != ipvs.NAT && forwarding != ipvs.Route && forwarding != ipvs.Tunnel:
		return ipvs.Destination{}, fmt.Errorf("forwarding: %q is not nat, dr or tun", b.Forwarding)
	case b.Weight < 0 || b.Weight > MaxWeight:
		return ipvs.Destination{}, fmt.Errorf("weight: %d is not within 0..%d", b.Weight, MaxWeight)
	case b.UpperThreshold < 0 || b.UpperThreshold > MaxThreshold:
		return ipvs.Destination{}, fmt.Errorf("upper_threshold: %d is not within 0..%d", b.UpperThreshold, MaxThreshold)
	case b.LowerThreshold < 0 || b.LowerThreshold > b.UpperThreshold:
		return ipvs.Destination{}, fmt.Errorf("lower_threshold: %d is not within 0..%d, the upper one", b.LowerThreshold, b.UpperThreshold)
	case addr.Is4() != key.Address.Is4() && forwarding != ipvs.Tunnel:
		return ipvs.Destination{}, fmt.Errorf("address: %s is not of the service's family, which only tun allows", addr)
	}
	d := ipvs.Destination{
		Address: addr, Port: b.Port, Forwarding: forwarding, Weight: uint32(b.Weight),
		UpperThreshold: uint32(b.UpperThreshold), LowerThreshold: uint32(b.LowerThreshold),
	}
	if b.Tunnel != nil {
		if forwarding != ipvs.Tunnel {
			return ipvs.Destination{}, fmt.Errorf("tunnel: forwarding is %s, which wraps nothing", b.Forwarding)
		}
		if d.Tunnel, err = b.Tunnel.settings(); err != nil {
			return ipvs.Destination{}, fmt.Errorf("tunnel: %w", err)
		}
	}
	if d.Port == 0 {
		d.Port = key.Port
	}
	return d.Normalize(key), nil
}

// checksumNames are a plan's words for the kernel's numbers.
var checksumNames = [...]string{ipvs.TunnelNoChecksum: "none", ipvs.TunnelChecksum: "full", ipvs.TunnelRemoteChecksum: "remote"}

// settings gives the tunnel as the kernel should have it.
func (t Tunnel) settings() (ipvs.TunnelSettings, error) {
	var s ipvs.TunnelSettings
	i := slices.Index(tunnelWords[:], t.Type)
	if i < 0 {
		return s, fmt.Errorf("type: %q is not ipip, gue or gre", t.Type)
	}
	s.Type = ipvs.TunnelType(i)
	if i := slices.Index(checksumNames[:], t.Checksum); i >= 0 {
		s.Flags = ipvs.TunnelFlags(i)
	} else if t.Checksum != "" {
		return s, fmt.Errorf("checksum: %q is not none, full or remote", t.Checksum)
	}
	s.Port = t.Port
	switch {
	case t.Type == "gue" && t.Port == 0:
		return s, fmt.Errorf("port: gue needs the UDP port that the backend listens on")
	case t.Type != "gue" && t.Port != 0:
		return s, fmt.Errorf("port: %s has none", t.Type)
	case t.Type == "ipip" && s.Flags != 0:
		return s, fmt.Errorf("checksum: ipip has no room for one")
	case t.Type == "gre" && s.Flags == ipvs.TunnelRemoteChecksum:
		return s, fmt.Errorf("checksum: gre has none or full")
	}
	return s, nil
}

func address(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		return netip.Addr{}, fmt.Errorf("address: %q is not the address of a host", s)
	}
	return a.Unmap(), nil
}

package ipvs

import (
	"fmt"
	"net/netip"
	"regexp"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// Desired is the table that a plan wants on a director.
type Desired struct {
	Services []Service `json:"services,omitempty"`
	// Boot keeps the services for the next boot.
	Boot bool `json:"boot,omitempty"`
	// Exclusive removes services and backends that are not wanted, whoever
	// made them.
	Exclusive bool `json:"exclusive,omitempty"`
	// DrainSeconds bounds the wait for the connections of backends that go
	// away; nil: DrainTimeout.
	DrainSeconds *int `json:"drain_seconds,omitempty"`
	// Timeouts and Sync are left alone where they are nil.
	Timeouts *Timeouts `json:"timeouts,omitempty"`
	Sync     []Daemon  `json:"sync,omitempty"` // at most one of each role
}

// Timeouts are those of idle connections, in seconds; 0 leaves one as it is.
type Timeouts struct {
	TCP    int `json:"tcp,omitempty"`
	TCPFin int `json:"tcp_fin,omitempty"`
	UDP    int `json:"udp,omitempty"`
}

// Daemon is a sync daemon, with every setting given.
type Daemon struct {
	Role      string `json:"role"` // "master" or "backup"
	Interface string `json:"interface"`
	ID        int    `json:"id"`    // 0..255
	Group     string `json:"group"` // a multicast address
	Port      int    `json:"port"`
	TTL       int    `json:"ttl"`
	MaxLength int    `json:"max_length,omitempty"` // bytes; 0: the kernel takes what the MTU allows
}

// Service is a virtual service.
type Service struct {
	Protocol string `json:"protocol,omitempty"` // "tcp", "udp" or "sctp"; empty with FWMark
	Address  string `json:"address,omitempty"`  // the VIP; empty with FWMark
	Port     uint16 `json:"port,omitempty"`
	// FWMark finds the service by a firewall mark; 0: by protocol, address and
	// port.
	FWMark    uint32 `json:"fwmark,omitempty"`
	IPv6      bool   `json:"ipv6,omitempty"` // the family of FWMark
	Scheduler string `json:"scheduler"`      // "rr", "wlc", ...
	// SchedulerFlags are "sh-fallback", "sh-port", "mh-fallback", "mh-port".
	SchedulerFlags []string `json:"scheduler_flags,omitempty"`
	OnePacket      bool     `json:"one_packet,omitempty"`
	// PersistenceSeconds keeps a client on its backend for so long; 0: not.
	PersistenceSeconds int `json:"persistence_seconds,omitempty"`
	// PersistencePrefix groups clients by that many bits of their address; 0
	// takes each on its own, as 32 (IPv4) and 128 (IPv6) do.
	PersistencePrefix int    `json:"persistence_prefix,omitempty"`
	Engine            string `json:"engine,omitempty"` // persistence engine: "sip" or none
	// DrainSeconds is Desired's for this service's backends; nil: that.
	DrainSeconds *int      `json:"drain_seconds,omitempty"`
	Backends     []Backend `json:"backends,omitempty"`
}

// Backend is a real server of a service.
type Backend struct {
	Address    string `json:"address"`        // the RIP
	Port       uint16 `json:"port,omitempty"` // only nat can have another than the service's
	Forwarding string `json:"forwarding"`     // "nat", "dr" or "tun"
	Weight     int    `json:"weight"`         // 0..65535; 0 takes no new connections
	// UpperThreshold is the number of connections at which the backend gets no
	// new ones, until it has fewer than LowerThreshold; 0: no limit.
	UpperThreshold int     `json:"upper_threshold,omitempty"`
	LowerThreshold int     `json:"lower_threshold,omitempty"`
	Tunnel         *Tunnel `json:"tunnel,omitempty"` // with Forwarding "tun"; nil: ipip
	// Hold leaves the backend as it is, there or not: its host failed an
	// earlier stage.
	Hold bool `json:"hold,omitempty"`
}

// Tunnel is how packets to a backend are wrapped.
type Tunnel struct {
	Type     string `json:"type"`               // "ipip", "gue" or "gre"
	Port     uint16 `json:"port,omitempty"`     // UDP port, gue only
	Checksum string `json:"checksum,omitempty"` // "none", "full" or "remote", gue and gre only; empty: "none"
}

// Observed is what a host has: the whole table, of others too, and the files
// that keep it for the next boot, flattened.
type Observed struct {
	State step.State
}

// MaxPersistence is the longest persistence that ipvsadm(8) takes, 31 days in
// seconds.
const MaxPersistence = 31 * 24 * 60 * 60

// MaxWeight is the largest weight that ipvsadm(8) takes.
const MaxWeight = 65535

// New gives the kind for a host.
func New(h host.Host) step.Kind[Desired, Observed] { return newKind(onHost(h)) }

func newKind(s system) step.Kind[Desired, Observed] {
	return step.Kind[Desired, Observed]{
		Name:     "ipvs",
		Validate: Validate,
		Observe:  s.observe,
		Diff:     Diff,
		Apply:    s.apply,
		Commands: Commands,
	}
}

// schedulerName is what a scheduler's module can be called; it ends up in a
// command line and in a file.
var schedulerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,14}$`)

// Validate names what is wrong with a wanted table.
func Validate(want Desired) error {
	services := map[ipvs.ServiceKey]bool{}
	for i, s := range want.Services {
		key, err := s.key()
		if err != nil {
			return fmt.Errorf("services[%d]: %w", i, err)
		}
		if services[key] {
			return fmt.Errorf("services[%d]: %s is there twice", i, key)
		}
		services[key] = true
		if err := s.validate(key); err != nil {
			return fmt.Errorf("services[%d] (%s): %w", i, key, err)
		}
	}
	return nil
}

func (s Service) validate(key ipvs.ServiceKey) error {
	switch {
	case !schedulerName.MatchString(s.Scheduler):
		return fmt.Errorf("scheduler: %q is not the name of one", s.Scheduler)
	case s.PersistenceSeconds < 0 || s.PersistenceSeconds > MaxPersistence:
		return fmt.Errorf("persistence_seconds: %d is not within 0..%d", s.PersistenceSeconds, MaxPersistence)
	case s.PersistencePrefix < 0 || s.PersistencePrefix > key.Address.BitLen():
		return fmt.Errorf("persistence_prefix: %d is not within 1..%d", s.PersistencePrefix, key.Address.BitLen())
	case s.Port == 0 && s.PersistenceSeconds == 0:
		return fmt.Errorf("port: 0, every port, needs persistence: without it the kernel takes the service and never uses it")
	}
	backends := map[netip.AddrPort]bool{}
	for i, b := range s.Backends {
		d, err := b.destination(key)
		if err == nil && backends[d.Addr()] {
			err = fmt.Errorf("address: %s is there twice", d.Addr())
		}
		if err != nil {
			return fmt.Errorf("backends[%d]: %w", i, err)
		}
		backends[d.Addr()] = true
	}
	return nil
}

// key gives what identifies the service in the kernel.
func (s Service) key() (ipvs.ServiceKey, error) {
	protocol, err := ipvs.ParseProtocol(s.Protocol)
	if err != nil {
		return ipvs.ServiceKey{}, fmt.Errorf("protocol: %w", err)
	}
	addr, err := address(s.Address)
	return ipvs.ServiceKey{Protocol: protocol, Address: addr, Port: s.Port}, err
}

// service gives the service as the kernel should have it.
func (s Service) service(key ipvs.ServiceKey) ipvs.Service {
	out := ipvs.Service{Key: key, Scheduler: s.Scheduler}
	if s.PersistenceSeconds > 0 {
		out.Flags, out.Timeout = ipvs.FlagPersistent, uint32(s.PersistenceSeconds)
		if s.PersistencePrefix > 0 {
			out.Netmask = ipvs.PrefixMask(key.Address, s.PersistencePrefix)
		}
	}
	return out
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
	case addr.Is4() != key.Address.Is4() && forwarding != ipvs.Tunnel:
		return ipvs.Destination{}, fmt.Errorf("address: %s is not of the service's family, which only tun allows", addr)
	}
	d := ipvs.Destination{Address: addr, Port: b.Port, Forwarding: forwarding, Weight: uint32(b.Weight)}
	if d.Port == 0 {
		d.Port = key.Port
	}
	return d.Normalize(key), nil
}

func address(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		return netip.Addr{}, fmt.Errorf("address: %q is not the address of a host", s)
	}
	return a.Unmap(), nil
}

// schedulers lists those of the services.
func (d Desired) schedulers() []string {
	var names []string
	for _, s := range d.Services {
		names = append(names, s.Scheduler)
	}
	return names
}

package ipvs

import (
	"github.com/lvsup/lvsup/internal/linux/host"
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
	// away; nil: DrainTimeout. It holds for services that are going too, since
	// their own is no longer known.
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

// Observed is what a host has: the whole table, of others too, the timeouts,
// the sync daemons, and the files that keep all that for the next boot,
// flattened.
type Observed struct {
	State step.State
	// MTU is that of each interface that a sync daemon uses or should use, in
	// bytes: what a daemon's longest message is unless it was told.
	MTU map[string]int
}

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

// wantsIPVS reports whether the kernel's IPVS is needed at all.
func (d Desired) wantsIPVS() bool {
	return len(d.Services) > 0 || len(d.Sync) > 0 || d.Timeouts != nil && *d.Timeouts != (Timeouts{})
}

// modules lists what the services need besides ip_vs, by the names that follow
// ip_vs_ in a module's: schedulers and persistence engines.
func (d Desired) modules() []string {
	var names []string
	for _, s := range d.Services {
		names = append(names, s.Scheduler)
		if s.Engine != "" {
			names = append(names, engineModule(s.Engine))
		}
	}
	return names
}

func engineModule(engine string) string { return "pe_" + engine }

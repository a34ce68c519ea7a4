package plans

import (
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// IPVS is what the director's IPVS is told beyond its services.
type IPVS struct {
	// Exclusive gives lvsup the whole table: services and backends that the
	// plan does not name are removed, whoever made them.
	Exclusive bool
	Drain     time.Duration // DefaultDrain unless the plan says otherwise; whole seconds
	Timeouts  Timeouts
	Sync      []SyncDaemon // at most one of each role
	Source    Source
}

// DefaultDrain is how long a backend that goes away keeps its connections.
const DefaultDrain = 30 * time.Second

// Timeouts are how long the kernel keeps an idle connection (ipvsadm --set), in
// whole seconds. Zero leaves one as it is.
type Timeouts struct {
	TCP    time.Duration
	TCPFin time.Duration // after a FIN
	UDP    time.Duration
	Source Source
}

// SyncDaemon is a kernel thread that multicasts the connections to another
// director, or takes them in (ipvsadm --start-daemon).
type SyncDaemon struct {
	Role      string     // SyncMaster sends, SyncBackup receives
	Interface string     // the one that the multicasts go through
	ID        int        // 0..255; a backup takes what has its own ID, 0 takes all
	Group     netip.Addr // DefaultSyncGroup unless the plan says otherwise
	Port      uint16     // DefaultSyncPort unless the plan says otherwise
	TTL       int        // DefaultSyncTTL unless the plan says otherwise; up to 255
	MaxLength int        // longest datagram in bytes; 0: what the interface's MTU allows
	Source    Source
}

// The roles of a sync daemon.
const (
	SyncMaster = "master"
	SyncBackup = "backup"
)

// What the kernel takes where a sync daemon is not told (IP_VS_SYNC_GROUP,
// IP_VS_SYNC_PORT and the TTL in net/netfilter/ipvs/ip_vs_sync.c).
const (
	DefaultSyncGroup = "224.0.0.81"
	DefaultSyncPort  = 8848
	DefaultSyncTTL   = 1
)

// VirtualService is one service the director balances. It is found by
// Protocol, Address and Port, or, if FWMark is not 0, by the mark that a
// firewall rule puts on its packets.
type VirtualService struct {
	Name     string     // label in the plan; the kernel does not know it
	Address  netip.Addr // the VIP; may be missing with FWMark
	Port     uint16     // 0: every port, which needs persistence; unused with FWMark
	Protocol string     // "tcp", "udp" or "sctp"; with FWMark that of Ports without one
	FWMark   uint32
	// IPv6 says which family a service is of: that of Address where it has one.
	IPv6 bool
	// Ports are what gets the mark, of packets to Address. Without any,
	// somebody else sets the mark.
	Ports []PortRange
	// KeepVIP has lvsup put the VIP on the hosts that need it: true unless the
	// plan leaves that to others.
	KeepVIP bool
	// Persist says what keeps the VIP for the next boot: PersistRCLocal unless the
	// plan says PersistNative.
	Persist string

	Scheduler      string   // "rr", "wrr", "lc", "wlc", "sh", ...; DefaultScheduler if the plan is silent
	SchedulerFlags []string // "sh-fallback", "sh-port", "mh-fallback", "mh-port"; sorted
	OnePacket      bool     // each UDP datagram is scheduled on its own
	Persistence    *Persistence
	Forwarding     Forwarding    // of backends that name none
	Tunnel         Tunnel        // of backends that name none; zero unless Forwarding is tun or the plan says it
	Drain          time.Duration // the cluster's unless the service says otherwise; whole seconds
	Backends       []Backend
	Source         Source
}

// The words for the family of a service that has a mark and no address.
const (
	FamilyIPv4 = "ipv4"
	FamilyIPv6 = "ipv6"
)

// Is6 reports whether the service is of IPv6: by its address, or by what the plan
// says of a mark.
func (s *VirtualService) Is6() bool {
	if s.Address.IsValid() {
		return s.Address.Is6()
	}
	return s.IPv6
}

// forwards reports whether the service hands packets on in that way: to a
// backend on the host, or to any if host is "".
func (s *VirtualService) forwards(host string, ways ...Forwarding) bool {
	return slices.ContainsFunc(s.Backends, func(b Backend) bool {
		return (host == "" || b.Host == host) && slices.Contains(ways, b.Forwarding)
	})
}

// The words for what keeps a VIP for the next boot.
const (
	PersistRCLocal = "rc.local" // the boot script, or a unit where systemd has none
	PersistNative  = "native"   // the files of the host's own network stack
)

// DefaultScheduler is the one ipvsadm(8) takes when none is given.
const DefaultScheduler = "wlc"

// PortRange is a port, or those from First to Last.
type PortRange struct {
	Protocol string // "tcp", "udp" or "sctp"
	First    uint16
	Last     uint16 // First for a single port
}

// String gives "80/tcp" or "8000-8010/udp".
func (p PortRange) String() string {
	text := strconv.Itoa(int(p.First))
	if p.Last != p.First {
		text += "-" + strconv.Itoa(int(p.Last))
	}
	return text + "/" + p.Protocol
}

// Persistence keeps a client on one real server.
type Persistence struct {
	Timeout time.Duration // whole seconds, at least one
	// PrefixLen groups clients: 32 (IPv4) or 128 (IPv6) treats each on its own.
	PrefixLen int
	// Engine is the persistence engine, "sip" or none: then it is the Call-ID
	// and not the client's address that stays on one real server.
	Engine string
	Source Source
}

// Backend is a real server in a virtual service.
type Backend struct {
	// Host is the name of the host in the plan. Without one the plan only has
	// the address: the director sends there, and lvsup leaves the machine alone.
	Host       string
	Address    netip.Addr // the RIP
	Port       uint16     // the service's port unless forwarding is nat and the plan names another
	Weight     int        // 0..65535; 0 takes no new connections
	Forwarding Forwarding // the service's unless the backend says otherwise
	Tunnel     Tunnel     // zero unless Forwarding is tun
	// UpperThreshold is the number of connections at which the backend gets no
	// new ones, until it has fewer than LowerThreshold; 0: no limit.
	UpperThreshold int
	LowerThreshold int
	Source         Source
}

// Tunnel is how packets are wrapped on their way to a real server.
type Tunnel struct {
	Type     string // "ipip", "gue" or "gre"; "ipip" if the plan is silent
	Port     uint16 // UDP port that the real server listens on, gue only
	Checksum string // "none", "full" or "remote", gue and gre only (gre has no "remote"); "none" if the plan is silent
	// MSS is the largest TCP segment that a real server tells clients to send,
	// in bytes, so that their packets fit into the tunnel; 0 leaves it alone.
	MSS    int
	Source Source
}

// The words for how packets are wrapped (ipvsadm --tun-type, --tun-nocsum,
// --tun-csum, --tun-remcsum).
const (
	TunnelIPIP = "ipip"
	TunnelGUE  = "gue"
	TunnelGRE  = "gre"

	ChecksumNone   = "none"
	ChecksumFull   = "full"
	ChecksumRemote = "remote"
)

// FitMSS is the largest TCP segment, in bytes, that fits through the tunnel
// where packets can be 1500 bytes long: what is left beside the outer IP header,
// that of the wrapping, the inner IP header and 20 bytes of TCP. The kernel
// counts the same way (__ip_vs_get_out_rt in net/netfilter/ipvs/ip_vs_xmit.c).
func (t Tunnel) FitMSS(outerIPv6, innerIPv6 bool) int {
	const packet, tcp = 1500, 20
	ip := map[bool]int{false: 20, true: 40}
	wrapping := 0
	switch t.Type {
	case TunnelGUE:
		wrapping = 8 + 4 // UDP, and GUE without options
		if t.Checksum == ChecksumRemote {
			wrapping += 4 + 4 // private flags, and where the checksum is
		}
	case TunnelGRE:
		wrapping = 4
		if t.Checksum == ChecksumFull {
			wrapping += 4
		}
	}
	return packet - ip[outerIPv6] - wrapping - ip[innerIPv6] - tcp
}

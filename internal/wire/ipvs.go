package wire

// IPVSResponse is the director's table and its connections, at one moment.
type IPVSResponse struct {
	Services []IPVSService `json:"services"`
	Timeouts *IPVSTimeouts `json:"timeouts,omitempty"` // nil where ip_vs is not loaded
	Daemons  []IPVSDaemon  `json:"daemons,omitempty"`  // the sync daemons that run
	Conns    []IPVSConn    `json:"conns"`              // at most MaxConns
	// Truncated says that there were more connections than MaxConns.
	Truncated bool `json:"truncated,omitempty"`
	// The same as ipvsadm -L -n and -L -n -c would print it.
	Table  string `json:"table"`
	Listed string `json:"listed"`
	// Saved is what ipvsadm -R takes, with thresholds, timeouts and sync daemons,
	// and Lost what of the table it cannot be told.
	Saved string   `json:"saved"`
	Lost  []string `json:"lost,omitempty"`
}

// MaxConns bounds the connections in an IPVSResponse.
const MaxConns = 20000

// IPVSTimeouts are how long the kernel keeps an idle connection, in seconds.
type IPVSTimeouts struct {
	TCP    uint32 `json:"tcp"`
	TCPFin uint32 `json:"tcp_fin"`
	UDP    uint32 `json:"udp"`
}

// IPVSDaemon is a sync daemon that runs.
type IPVSDaemon struct {
	Role      string `json:"role"` // "master" or "backup"
	Interface string `json:"interface"`
	ID        int    `json:"id"`
	Group     string `json:"group,omitempty"` // this and what follows: kernels before 4.3 do not tell
	Port      uint16 `json:"port,omitempty"`
	TTL       int    `json:"ttl,omitempty"`
	MaxLength int    `json:"max_length,omitempty"` // bytes
}

// IPVSService is a virtual service in the kernel.
type IPVSService struct {
	// Key is what lvsup calls it: "TCP 192.0.2.1:80", "FWM 1", "FWM 1 IPv6".
	Key         string        `json:"key"`
	Protocol    string        `json:"protocol,omitempty"` // "tcp", "udp", "sctp"; empty with FWMark
	Address     string        `json:"address,omitempty"`
	Port        uint16        `json:"port,omitempty"`
	FWMark      uint32        `json:"fwmark,omitempty"`
	Scheduler   string        `json:"scheduler"`
	Flags       []string      `json:"scheduler_flags,omitempty"` // "sh-port", ...
	OnePacket   bool          `json:"one_packet,omitempty"`
	Persistence int           `json:"persistence,omitempty"` // seconds, 0: none
	Engine      string        `json:"engine,omitempty"`      // persistence engine
	Foreign     bool          `json:"foreign,omitempty"`     // not in lvsup's record
	Backends    []IPVSBackend `json:"backends"`
}

// IPVSBackend is a real server in the kernel's table.
type IPVSBackend struct {
	Address        string `json:"address"`
	Port           uint16 `json:"port"`
	Forwarding     string `json:"forwarding"` // "nat", "dr", "tun" or "local"
	Weight         int    `json:"weight"`
	UpperThreshold uint32 `json:"upper_threshold,omitempty"`
	LowerThreshold uint32 `json:"lower_threshold,omitempty"`
	ActiveConns    uint32 `json:"active_conns"`
	InActConns     uint32 `json:"inact_conns"`
	Foreign        bool   `json:"foreign,omitempty"` // not in lvsup's record
}

// IPVSConn is a line of /proc/net/ip_vs_conn. Addresses are address:port.
type IPVSConn struct {
	Protocol    string `json:"protocol"`
	Client      string `json:"client"`
	Virtual     string `json:"virtual"`
	Destination string `json:"destination"`
	State       string `json:"state"`
	Expires     int    `json:"expires"` // seconds
}

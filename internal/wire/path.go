package wire

// PathRequest asks how packets go through the host now. Nothing is sent for it.
type PathRequest struct {
	Routes  []RouteQuestion `json:"routes,omitempty"`
	Packets []Packet        `json:"packets,omitempty"`
	// Ports are such as "80/tcp", "8000-8010/udp" and "4/ip".
	Ports []string `json:"ports,omitempty"`
}

// Bounds on a PathRequest; an agent looks at no more.
const (
	MaxRouteQuestions = 4096
	MaxPackets        = 4096
	MaxPorts          = 4096
)

// RouteQuestion is a packet that the host itself would send.
type RouteQuestion struct {
	To   string `json:"to"`
	From string `json:"from,omitempty"` // empty: the kernel chooses
}

// Packet is one that asks for a connection, or answers one, as a firewall sees it.
// What is empty is not known.
type Packet struct {
	Hook            string `json:"hook"`     // "input", "forward" or "output"
	Protocol        string `json:"protocol"` // "tcp", "udp", "sctp", or an IP protocol's number
	Source          string `json:"source,omitempty"`
	Destination     string `json:"destination,omitempty"`
	SourcePort      uint16 `json:"source_port,omitempty"`
	DestinationPort uint16 `json:"destination_port,omitempty"`
	In              string `json:"in,omitempty"` // interfaces
	Out             string `json:"out,omitempty"`
	New             bool   `json:"new"` // it opens a connection; otherwise its state is not known
}

// Path is how packets go through a host now.
type Path struct {
	Links    []PathLink `json:"links"`
	Routes   []Lookup   `json:"routes"`   // those that were asked for, in order
	Verdicts []Verdict  `json:"verdicts"` // on the packets that a firewall drops
	// Refused are those of the request's Ports that no rule lets in while what no
	// rule lets in is dropped; RefusesAnswers says the same of what nat real servers
	// answer.
	Refused        []string `json:"refused,omitempty"`
	RefusesAnswers bool     `json:"refuses_answers,omitempty"`
	// Listeners are the sockets that take connections or datagrams.
	Listeners []Listener `json:"listeners"`

	ForwardsIPv4 bool `json:"forwards_ipv4"` // net.ipv4.ip_forward
	ForwardsIPv6 bool `json:"forwards_ipv6"` // net.ipv6.conf.all.forwarding
	// VSConntrack is net.ipv4.vs.conntrack: IPVS's connections are tracked, as
	// those must be that other rules give another source address.
	VSConntrack bool `json:"vs_conntrack"`
}

// PathLink is a network interface, with the settings that decide on packets:
// where the kernel takes the larger of the interface's and that of "all", so do
// these.
type PathLink struct {
	Name        string   `json:"name"`
	MAC         string   `json:"mac,omitempty"`
	Up          bool     `json:"up"`
	Carrier     bool     `json:"carrier"` // something is at the other end of the cable
	MTU         int      `json:"mtu"`     // bytes
	Addresses   []string `json:"addresses"`
	RPFilter    int      `json:"rp_filter"`
	ARPIgnore   int      `json:"arp_ignore"`
	ARPAnnounce int      `json:"arp_announce"`
}

// Lookup is what `ip route get` says.
type Lookup struct {
	RouteQuestion
	Local     bool   `json:"local,omitempty"` // to the host itself
	Interface string `json:"interface,omitempty"`
	Gateway   string `json:"gateway,omitempty"` // empty: on the link
	Source    string `json:"source,omitempty"`
	MTU       int    `json:"mtu,omitempty"`   // of the route, 0: the interface's
	Error     string `json:"error,omitempty"` // no way there
}

// Verdict says that a firewall drops a packet, for certain.
type Verdict struct {
	Packet
	Rule string `json:"rule"` // as the tool prints it: "-P INPUT DROP"
	Undo string `json:"undo"` // a command that takes the rule away; empty if there is none
}

// Listener is a socket that takes connections (tcp) or datagrams (udp).
type Listener struct {
	Protocol string `json:"protocol"` // "tcp" or "udp"
	Address  string `json:"address"`  // "0.0.0.0" and "::" stand for every one
	Port     uint16 `json:"port"`
}

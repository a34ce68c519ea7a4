package wire

import "time"

// FactsRequest names what the facts depend on.
type FactsRequest struct {
	// Sysctls to read live, dotted names.
	Sysctls []string `json:"sysctls,omitempty"`
	// ARP is asked from now on, while other requests are answered. What came of it
	// is had with an ARPRequest that has no questions.
	ARP *ARPRequest `json:"arp,omitempty"`
}

// Facts are what the coordinator knows of a host before it plans: read-only,
// and bounded by the agent.
type Facts struct {
	Hostname string `json:"hostname"`
	Machine  string `json:"machine"` // uname -m
	Kernel   string `json:"kernel"`  // uname -r
	BootID   string `json:"boot_id"` // /proc/sys/kernel/random/boot_id
	OS       OS     `json:"os"`
	Root     bool   `json:"root"` // the agent's effective uid is 0

	Interfaces []Interface `json:"interfaces"`
	Routes     []Route     `json:"routes"`
	DNS        []string    `json:"dns,omitempty"` // the name servers in resolv.conf(5)
	SSH        SSHPath     `json:"ssh"`

	NetStack string `json:"net_stack"` // who owns the interfaces' configuration: "ifcfg", "ifupdown", "networkd", "networkmanager", "netplan" or "unknown"
	Systemd  int    `json:"systemd"`   // systemd's major version, 0 without systemd

	IPVS         IPVSFacts `json:"ipvs"`
	Synchronised bool      `json:"synchronised"` // adjtimex(2): the kernel's clock has a source

	Firewall FirewallFacts `json:"firewall"`
	SELinux  string        `json:"selinux"` // "enforcing", "permissive", "disabled" or "" where the kernel has none
	// HTTPPorts are the TCP ports, or ranges such as "8100-8110", that somebody has
	// given web servers under SELinux (semanage-port(8)).
	HTTPPorts []string `json:"http_ports,omitempty"`

	FreeBytes uint64            `json:"free_bytes"` // where lvsup keeps its data
	Sysctls   map[string]string `json:"sysctls,omitempty"`
	Apache    bool              `json:"apache"` // apache2 or httpd is installed
}

// OS is what /etc/os-release says.
type OS struct {
	ID      string `json:"id"`      // "debian", "rocky", ...
	Like    string `json:"like"`    // ID_LIKE
	Version string `json:"version"` // VERSION_ID
	Pretty  string `json:"pretty"`  // PRETTY_NAME
}

// Interface is a live network interface.
type Interface struct {
	Name      string   `json:"name"`
	Index     int      `json:"index"`
	MAC       string   `json:"mac,omitempty"`
	Up        bool     `json:"up"`
	Addresses []string `json:"addresses"` // with prefix length
}

// Route is a route of the main table.
type Route struct {
	Destination string `json:"destination"` // "0.0.0.0/0" for the default
	Gateway     string `json:"gateway,omitempty"`
	Interface   string `json:"interface"`
}

// SSHPath is the way that the SSH session itself takes into the host, from
// SSH_CONNECTION (sshd(8)). A change to any of it can cut the connection.
type SSHPath struct {
	Client    string `json:"client,omitempty"`
	Server    string `json:"server,omitempty"`    // the host's own address
	Interface string `json:"interface,omitempty"` // the interface that has Server
	// ReturnInterface and ReturnGateway are the route to Client.
	ReturnInterface string `json:"return_interface,omitempty"`
	ReturnGateway   string `json:"return_gateway,omitempty"`
}

// IPVSFacts says whether the host can be a director.
type IPVSFacts struct {
	Available bool   `json:"available"`        // the module is loaded or can be
	Reason    string `json:"reason,omitempty"` // why not
}

// FirewallFacts says which firewall is active and what it would do.
type FirewallFacts struct {
	Active []string `json:"active,omitempty"` // "firewalld", "ufw", "nftables", "iptables"
	Drops  bool     `json:"drops"`            // an input or forward chain drops by default, as far as can be read
}

// Clock is the host's time. The coordinator bounds the offset by the round
// trip.
type Clock struct {
	UnixNano int64 `json:"unix_nano"`
}

// FetchRequest asks the host to fetch a page over plain HTTP/1.1 several
// times, each on a connection of its own.
type FetchRequest struct {
	Address string        `json:"address"` // host:port
	Path    string        `json:"path"`
	Count   int           `json:"count"`
	Sources []string      `json:"sources,omitempty"` // local addresses to use in turn
	Timeout time.Duration `json:"timeout"`           // of each fetch, in nanoseconds
	// Hold keeps the connections open until all are made, so that a scheduler
	// that counts connections sees them.
	Hold bool `json:"hold,omitempty"`
	// ConnectOnly asks for no page: what listens there need not speak HTTP.
	ConnectOnly bool `json:"connect_only,omitempty"`
}

// FetchResponse has one result per fetch, in order.
type FetchResponse struct {
	Fetches []Fetch `json:"fetches"`
}

// Fetch is one page, or why there is none.
type Fetch struct {
	Local  string        `json:"local,omitempty"` // address:port of our end
	Status int           `json:"status,omitempty"`
	Body   []byte        `json:"body,omitempty"` // at most 64 KiB
	Error  string        `json:"error,omitempty"`
	Took   time.Duration `json:"took"`
}

// ARPRequest asks who answers for addresses, all at once. One without questions
// waits for the answers to those of the last FactsRequest.
type ARPRequest struct {
	Questions []ARPQuestion `json:"questions,omitempty"` // at most MaxARPQuestions
	Wait      time.Duration `json:"wait"`
}

// ARPQuestion is one address.
type ARPQuestion struct {
	Interface string `json:"interface"` // empty: the one whose network holds Address
	Address   string `json:"address"`
}

// ARPResponse has one answer to each question, in order.
type ARPResponse struct {
	Answers []ARPAnswer `json:"answers"`
}

// ARPAnswer lists the MAC addresses that answered, sorted, or says why it could not
// be asked.
type ARPAnswer struct {
	MACs  []string `json:"macs,omitempty"`
	Error string   `json:"error,omitempty"`
}

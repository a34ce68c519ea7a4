package plans

import "time"

// Role says what a host does in the cluster.
type Role string

// The roles a host can have. A RoleHost has no part in LVS: it only gets
// addresses, sysctls, packages and the like.
const (
	RoleDirector   Role = "director"
	RoleRealServer Role = "real_server"
	RoleHost       Role = "host"
)

// Forwarding is the way a director hands a packet to a backend.
type Forwarding string

// The forwarding methods, with the words ipvsadm(8) uses for them.
const (
	ForwardNAT Forwarding = "nat" // masquerading, ipvsadm -m
	ForwardDR  Forwarding = "dr"  // gatewaying (direct routing), ipvsadm -g
	ForwardTUN Forwarding = "tun" // ipip (tunnelling), ipvsadm -i
)

// Cluster is one plan, read and evaluated: every reference is resolved and
// every default filled in. Hosts and Services keep the order of the file.
type Cluster struct {
	Name       string
	Forwarding Forwarding // default for services that name none
	Connection Connection // default for hosts that name none
	TimeSync   TimeSync
	Firewall   Policy // PolicyUnmanaged, PolicyOpen or PolicyDisabled
	SELinux    Policy // PolicyUnmanaged, PolicyEnforcing, PolicyPermissive or PolicyDisabled
	IPVS       IPVS
	Hosts      []Host
	Services   []VirtualService
	Source     Source
}

// Policy says how far lvsup may go with a host's firewall or SELinux.
type Policy string

// The policies. Unmanaged is the default: lvsup only says what would be in
// the way.
const (
	PolicyUnmanaged  Policy = "unmanaged"
	PolicyOpen       Policy = "open"       // firewall: let the needed ports through
	PolicyEnforcing  Policy = "enforcing"  // SELinux: deny what its policy does not allow
	PolicyPermissive Policy = "permissive" // SELinux: log, do not deny
	PolicyDisabled   Policy = "disabled"   // off now and at boot
)

// Connection says how to reach a host by SSH. Empty fields leave the choice to
// ssh_config and OpenSSH's own defaults.
type Connection struct {
	Host   string // name or address to dial; the host's plan name if empty
	Port   int    // 0: ssh_config's, else 22
	User   string
	Become bool // run the agent through sudo or doas
	// HostKey is the only host key to accept, as hostkey.ParsePin reads it; empty
	// leaves the choice to known_hosts. Of a host, never of the cluster.
	HostKey string
	Source  Source
}

// TimeSync bounds how far the clocks of the hosts may be apart.
type TimeSync struct {
	MaxOffset     time.Duration // DefaultMaxOffset unless the plan says otherwise
	RequireSource bool          // an unsynchronised kernel stops the run instead of warning
	Source        Source
}

// DefaultMaxOffset is the clock difference a plan without time_sync allows.
const DefaultMaxOffset = 500 * time.Millisecond

// Host is one machine of the cluster.
type Host struct {
	Name       string
	Reference  string // how the plan refers to it, where that is not ROLE.NAME
	Role       Role
	Connection Connection // the cluster's, overlaid with the host's own block
	Interfaces []Interface
	Network    string            // what keeps their addresses for the next boot, one of Networks; empty: found on the host
	Packages   []string          // installed only if missing
	Sysctls    map[string]string // dotted name -> value, beyond what the role needs
	HTTPD      *HTTPD            // nil: no test page
	Source     Source
	Sensitive  Sensitive // of Sysctls
}

// Ref is how the plan refers to the host.
func (h *Host) Ref() string {
	if h.Reference != "" {
		return h.Reference
	}
	return string(h.Role) + "." + h.Name
}

// Networks lists what can keep a host's addresses: the files of network-scripts,
// of ifupdown, of systemd-networkd, of NetworkManager, of netplan.
func Networks() []string {
	return []string{"ifcfg", "ifupdown", "networkd", "networkmanager", "netplan"}
}

// HTTPD is the test page of a real server, served by Apache.
type HTTPD struct {
	Index     string // content of index.html; a final newline is added if missing
	Source    Source
	Sensitive Sensitive
}

// Host returns the host with that name.
func (c *Cluster) Host(name string) (*Host, bool) {
	for i := range c.Hosts {
		if c.Hosts[i].Name == name {
			return &c.Hosts[i], true
		}
	}
	return nil, false
}

// Directors returns the hosts whose role is director, in plan order.
func (c *Cluster) Directors() []*Host { return c.withRole(RoleDirector) }

// RealServers returns the hosts whose role is real_server, in plan order.
func (c *Cluster) RealServers() []*Host { return c.withRole(RoleRealServer) }

func (c *Cluster) withRole(r Role) []*Host {
	var hosts []*Host
	for i := range c.Hosts {
		if c.Hosts[i].Role == r {
			hosts = append(hosts, &c.Hosts[i])
		}
	}
	return hosts
}

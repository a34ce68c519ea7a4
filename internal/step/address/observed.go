package address

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
)

// Observed is what a host has.
type Observed struct {
	Stack      string // one of netconf's Stack constants
	Files      netconf.Files
	Interfaces []rtnl.Interface
	Routes     []rtnl.Route
	DHCP       []Client // DHCP clients that run
	IfState    string   // content of ifupdown's record
	Session    *Session // nil: no SSH session leads to this process
}

// Client is a running DHCP client.
type Client struct {
	PID        int
	Program    string   // "dhclient", "dhcpcd", "udhcpc"
	Interfaces []string // those it was told to serve; none means all
}

// Session is the way of the SSH session that lvsup runs in.
type Session struct {
	Client, Server netip.Addr
	Interface      string // the one that has Server
	Out            string // the one through which answers go to Client
	ViaDefault     bool   // answers take the default route
	// Below are the interfaces that Interface and Out stand on, where those are
	// VLANs or bonds.
	Below []string
}

// String gives "from CLIENT to SERVER"; an arrow stands for a change.
func (s Session) String() string { return "from " + s.Client.String() + " to " + s.Server.String() }

// sessionFrom reads SSH_CONNECTION ("client port server port", sshd(8)) and
// finds the session's way through the interfaces and routes.
func sessionFrom(env string, interfaces []rtnl.Interface, routes []rtnl.Route) *Session {
	f := strings.Fields(env)
	if len(f) != 4 {
		return nil
	}
	client, err1 := netip.ParseAddr(f[0])
	server, err2 := netip.ParseAddr(f[2])
	if err1 != nil || err2 != nil {
		return nil
	}
	s := &Session{Client: client.Unmap().WithZone(""), Server: server.Unmap().WithZone("")}
	if i, ok := rtnl.Holder(interfaces, s.Server); ok {
		s.Interface = i.Name
	}
	if i, ok := rtnl.Holder(interfaces, s.Client); ok {
		s.Out = i.Name // from this very host
		return s
	}
	r, ok := lookup(routes, s.Client)
	// Without a route in the main table a rule must have found another table;
	// be careful with the default route then.
	s.Out, s.ViaDefault = r.Interface, !ok || r.IsDefault()
	for _, name := range []string{s.Interface, s.Out} {
		s.Below = append(s.Below, below(name, interfaces)...)
	}
	return s
}

// below lists what an interface stands on, down to the cards.
func below(name string, interfaces []rtnl.Interface) []string {
	var all []string
	i, _ := rtnl.Find(interfaces, name)
	if i.VLAN.Link != "" {
		all = append([]string{i.VLAN.Link}, below(i.VLAN.Link, interfaces)...)
	}
	return append(all, i.Bond.Members...)
}

// crosses reports whether the session's packets go through the interface.
func (s Session) crosses(name string) bool {
	return name == s.Interface || name == s.Out || slices.Contains(s.Below, name)
}

// lookup finds the route the main table has for an address: the longest
// prefix, then the lowest metric.
func lookup(routes []rtnl.Route, a netip.Addr) (rtnl.Route, bool) {
	best, found := rtnl.Route{}, false
	for _, r := range routes {
		if !r.Destination.Contains(a) {
			continue
		}
		longer := r.Destination.Bits() > best.Destination.Bits()
		same := r.Destination.Bits() == best.Destination.Bits()
		if !found || longer || same && r.Metric < best.Metric {
			best, found = r, true
		}
	}
	return best, found
}

// dhcpClient reads a process's arguments and says whether it is a DHCP client
// for IPv4, and of which interfaces.
func dhcpClient(argv []string) (Client, bool) {
	if len(argv) == 0 {
		return Client{}, false
	}
	// dhcpcd writes what it does over its arguments: "dhcpcd: ens33 [ip4]".
	if len(argv) == 1 {
		argv = strings.Fields(argv[0])
		if len(argv) == 0 {
			return Client{}, false
		}
	}
	program := argv[0][strings.LastIndexByte(argv[0], '/')+1:]
	program = strings.TrimSuffix(program, ":")
	c := Client{Program: program}
	if slices.Contains(argv, "-6") {
		return Client{}, false // for IPv6 alone: it leaves IPv4 addresses in peace
	}
	switch program {
	case "dhclient":
		c.Interfaces = words(argv[1:], "-p", "-e", "-cf", "-df", "-lf", "-pf", "-sf", "-s", "-g", "-H", "-F", "-V", "-R", "-U", "-D", "-timeout")
	case "dhcpcd":
		c.Interfaces = words(argv[1:], "-c", "-C", "-e", "-f", "-F", "-G", "-h", "-i", "-I", "-l", "-m", "-o", "-O", "-Q", "-r", "-s", "-S", "-t", "-u", "-v", "-W", "-X", "-y", "-Y", "-Z", "-z")
	case "udhcpc":
		c.Interfaces = []string{"eth0"} // its default
		for i, a := range argv {
			if (a == "-i" || a == "--interface") && i+1 < len(argv) {
				c.Interfaces = []string{argv[i+1]}
			}
		}
	default:
		return Client{}, false
	}
	return c, true
}

// words drops options and, for those that take one, their argument.
func words(args []string, takes ...string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch {
		case slices.Contains(takes, args[i]):
			i++
		case !strings.HasPrefix(args[i], "-") && !strings.HasPrefix(args[i], "["):
			out = append(out, args[i])
		}
	}
	return out
}

// clients gives the DHCP clients of an interface. One that serves all
// interfaces counts only where it has left a lease.
func (o Observed) clients(i rtnl.Interface) []Client {
	var all []Client
	for _, c := range o.DHCP {
		if slices.Contains(c.Interfaces, i.Name) || len(c.Interfaces) == 0 && len(leases(i)) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// leases lists the IPv4 addresses with a lifetime, but for some.
func leases(i rtnl.Interface, except ...netip.Prefix) []string {
	var all []string
	for _, p := range i.Dynamic {
		if p.Addr().Is4() && !slices.Contains(except, p) {
			all = append(all, p.String())
		}
	}
	slices.Sort(all)
	return all
}

// lease writes what a DHCP client left on an interface, beyond what the plan
// wants there: the addresses, and "via GATEWAY" if it brought the default route
// and the plan has no gateway on this interface.
func (o Observed) lease(i rtnl.Interface, plan netconf.Settings) string {
	left := leases(i, plan.All()...)
	r, ok := rtnl.Default(o.Routes, false)
	if ok && len(leases(i)) > 0 && r.Interface == i.Name && r.Gateway.IsValid() && !plan.Gateway.Is4() {
		left = append(left, "via", r.Gateway.String())
	}
	if len(left) == 0 {
		return none
	}
	return strings.Join(left, " ")
}

// parseLease reads what lease wrote. The gateway is zero if there is none.
func parseLease(text string) (addrs []netip.Prefix, gw netip.Addr, err error) {
	list, via, found := strings.Cut(text, "via ")
	if found {
		if gw, err = netip.ParseAddr(via); err != nil {
			return nil, gw, fmt.Errorf("cannot read lease %q: %w", text, err)
		}
	}
	for _, f := range strings.Fields(list) {
		p, err := netip.ParsePrefix(f)
		if err != nil {
			return nil, gw, fmt.Errorf("cannot read lease %q: %w", text, err)
		}
		addrs = append(addrs, p)
	}
	return addrs, gw, nil
}

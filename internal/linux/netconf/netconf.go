package netconf

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"regexp"
	"strings"
)

// The stacks that can own a host's interfaces.
const (
	StackIfcfg          = "ifcfg"          // /etc/sysconfig/network-scripts/ifcfg-*
	StackIfupdown       = "ifupdown"       // /etc/network/interfaces
	StackNetworkd       = "networkd"       // systemd-networkd's *.network
	StackNetworkManager = "networkmanager" // NetworkManager's own key files
	StackNetplan        = "netplan"        // /etc/netplan/*.yaml
	StackUnknown        = "unknown"
)

// Stacks lists those that lvsup writes files for.
func Stacks() []string {
	return []string{StackIfcfg, StackIfupdown, StackNetworkd, StackNetworkManager, StackNetplan}
}

// Paths of the files that Plan writes.
const (
	IfcfgDir      = "/etc/sysconfig/network-scripts"
	InterfacesTop = "/etc/network/interfaces"
	InterfacesDir = "/etc/network/interfaces.d"
	ResolvConf    = "/etc/resolv.conf"
	IfState       = "/run/network/ifstate" // which interfaces ifupdown believes are up
)

// Settings are the static settings of one interface.
type Settings struct {
	Name    string       // kernel name; CheckName holds
	Address netip.Prefix // host address with its prefix length
	Gateway netip.Addr   // zero: no default route through this interface
	DNS     []netip.Addr
	Ifcfg   map[string]string // further keys of an ifcfg file; CheckIfcfg holds

	Others []netip.Prefix // further addresses of the interface, of either family
	// Routes are static routes through the interface besides the default route
	// of Gateway. One of them is ::/0 where the interface has a gateway of each
	// family.
	Routes []Route
	MTU    int // bytes; 0 leaves it as it is
	VLAN   VLAN
	Bond   Bond
}

// Files are the files of a host that matter to its stack.
type Files struct {
	// Content maps the path on the host to what the file holds. A file that
	// is not there is not in the map.
	Content map[string]string
	// ResolvPlain says that /etc/resolv.conf is a regular file or missing:
	// no resolvconf or systemd-resolved has put a symbolic link there.
	ResolvPlain bool
	// Foreign maps interfaces to the file by which another stack brings them up.
	Foreign map[string]string
	// Secret maps interfaces to a profile of NetworkManager's that has a
	// password or a key in it, and so is not in Content.
	Secret map[string]string
	// MAC maps interfaces to their hardware addresses, by which some files find
	// them.
	MAC map[string]string
	// CloudInit says that cloud-init writes network files on this host.
	CloudInit bool
}

var nameRE = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

// CheckName refuses what cannot be an interface's name, and the two words that
// /proc/sys/net/ipv4/conf gives another meaning.
func CheckName(name string) error {
	if !nameRE.MatchString(name) {
		return fmt.Errorf("%q cannot be an interface name: write 1 to 15 letters, digits, '_', '.' or '-', beginning with a letter or digit", name)
	}
	if name == "all" || name == "default" {
		return fmt.Errorf("%q cannot be an interface name: the kernel keeps that word for settings of all interfaces", name)
	}
	return nil
}

// ParseSettings turns the texts of a plan into Settings and names the field
// that is wrong.
func ParseSettings(name, address, gateway string, dns []string, ifcfg map[string]string) (Settings, error) {
	s := Settings{Name: name, Ifcfg: ifcfg}
	if err := CheckName(name); err != nil {
		return s, err
	}
	var err error
	if s.Address, err = netip.ParsePrefix(address); err != nil {
		return s, fmt.Errorf("%s: address %q: write a host address with its prefix length, as in 192.168.140.10/24", name, address)
	}
	if err := checkAddress(s.Address); err != nil {
		return s, fmt.Errorf("%s: address %s: %w", name, address, err)
	}
	if gateway != "" {
		if s.Gateway, err = netip.ParseAddr(gateway); err != nil || s.Gateway.Zone() != "" {
			return s, fmt.Errorf("%s: gateway %q: write one address, as in 192.168.140.2", name, gateway)
		}
		if !s.Address.Contains(s.Gateway) && !(onAnyLink(s.Gateway) && s.Address.Addr().Is6()) {
			return s, fmt.Errorf("%s: gateway %s: it is not in the network of %s", name, gateway, address)
		}
		if s.Gateway == s.Address.Addr() {
			return s, fmt.Errorf("%s: gateway %s: it is the interface's own address", name, gateway)
		}
	}
	for _, d := range dns {
		a, err := netip.ParseAddr(d)
		if err != nil || a.Zone() != "" {
			return s, fmt.Errorf("%s: dns %q: write one address, as in 114.114.114.114", name, d)
		}
		s.DNS = append(s.DNS, a)
	}
	if err := CheckIfcfg(ifcfg); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// checkAddress refuses what an interface cannot have as its own address.
func checkAddress(p netip.Prefix) error {
	a := p.Addr()
	switch {
	case a.Is4In6():
		return errors.New("this is an IPv4 address in IPv6 form: write it as IPv4")
	case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback():
		return errors.New("this cannot be a host's address")
	case a.Is4() && p.Bits() < 31 && a == p.Masked().Addr():
		return errors.New("this is the address of the network itself: pick one of its hosts")
	case a.Is4() && p.Bits() < 31 && !p.Contains(a.Next()):
		return errors.New("this is the broadcast address of the network: pick one of its hosts")
	}
	return nil
}

// Plan says what the files of a stack must hold for the interfaces. The result
// maps paths to contents and holds only files that the settings need; a file
// that already does what is wanted comes back as it is. The files given are the
// base that is edited.
func Plan(stack string, files Files, all []Settings) (map[string]string, error) {
	if len(all) == 0 {
		return map[string]string{}, nil
	}
	want := map[string]string{}
	err := files.checkForeign(stack, all)
	switch {
	case err != nil:
	case stack == StackIfcfg:
		err = planIfcfg(want, files.Content, all)
	case stack == StackIfupdown:
		err = planIfupdown(want, files.Content, all)
	case stack == StackNetworkd:
		err = planNetworkd(want, files, all)
	case stack == StackNetworkManager:
		err = planKeyfiles(want, files, all)
	case stack == StackNetplan:
		err = planNetplan(want, files, all)
	default:
		err = errors.New("cannot keep addresses for the next boot: this host has neither ifcfg files, ifupdown, netplan, NetworkManager nor networkd; install one of them, or leave the interface blocks out of the plan")
	}
	if err != nil {
		return nil, err
	}
	if dns := allDNS(all); len(dns) > 0 && files.ResolvPlain {
		want[ResolvConf] = EditResolv(files.Content[ResolvConf], dns)
	}
	return want, nil
}

// Mode is the mode of a file that Plan makes anew. Some may hold secrets, and
// their readers pass over them if others than root can read them.
func Mode(file string) fs.FileMode {
	if dir := path.Dir(file); dir == KeyfileDir || dir == NetplanDir {
		return 0o600
	}
	return 0o644
}

// FileOf reports whether a boot file has to do with an interface.
func (f Files) FileOf(file, name string) bool {
	switch dir := path.Dir(file); {
	case dir == IfcfgDir && ifcfgMaster(f.Content[file]) == name:
		return true
	case dir == IfcfgDir:
		return file == IfcfgPath(f.Content, name) || file == RouteFile(name, false) || file == RouteFile(name, true)
	case dir == InterfacesDir:
		own := strings.HasPrefix(path.Base(file), ownPrefix)
		return !own || file == OwnInterfacesPath(name)
	case dir == KeyfileDir:
		p := profileOf(file, f.Content[file])
		return file == OwnKeyfilePath(name) || p.name == name || p.port == name || p.wide || p.mac != "" && strings.EqualFold(p.mac, f.MAC[name])
	case file == OwnNetdevPath(name) || strings.HasPrefix(dir, NetworkdDir) && namesVLAN(f.Content[file], name):
		return true
	case dir == NetworkdDir:
		applies, _, _ := matches(parseINI(f.Content[file], true), name, f.MAC[name])
		return isOwnNetwork(file, name) || networkMaster(f.Content[file]) == name || f.Content[file] != "" && applies
	}
	return file == InterfacesTop || path.Dir(file) == NetplanDir || strings.HasPrefix(file, NetworkdDir+"/10-netplan-")
}

// checkForeign refuses to write a file beside another stack's for the same
// interface: one of the two would take away what the other has set.
func (f Files) checkForeign(stack string, all []Settings) error {
	for _, s := range all {
		name := f.Foreign[s.Name]
		for _, m := range s.Bond.Members {
			if other := f.Foreign[m]; other != "" {
				return fmt.Errorf("cannot keep %s for the next boot with %s: %s brings its member %s up, and two would fight over it; take it out of that file, or say in the plan which of them keeps this host's addresses (network = ...)",
					s.Name, stack, other, m)
			}
		}
		switch {
		case name == "":
		case stack == StackIfcfg && path.Dir(name) == KeyfileDir:
			return fmt.Errorf("cannot keep the address of %s for the next boot: NetworkManager has it in %s and would not take the ifcfg file that lvsup writes; "+
				"turn it into one (nmcli connection migrate --plugin ifcfg-rh), or say network = \"networkmanager\" for this host in the plan", s.Name, name)
		default:
			return fmt.Errorf("cannot keep the address of %s for the next boot with %s: %s brings it up, and two would fight over it; take the interface out of that file, or say in the plan which of them keeps this host's addresses (network = ...)",
				s.Name, stack, name)
		}
	}
	return nil
}

// allDNS lists the servers of all interfaces in order, each once.
func allDNS(all []Settings) []netip.Addr {
	var dns []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, s := range all {
		for _, d := range s.DNS {
			if !seen[d] {
				seen[d] = true
				dns = append(dns, d)
			}
		}
	}
	return dns
}

// EditResolv makes the servers the nameserver lines of a resolv.conf(5). Other
// lines stay. A file whose first nameservers are these already comes back as
// it is: the resolver asks them in order.
func EditResolv(content string, dns []netip.Addr) string {
	lines := splitLines(content)
	var have []string
	first := -1
	for i, l := range lines {
		if f := strings.Fields(l); len(f) >= 2 && f[0] == "nameserver" {
			have = append(have, f[1])
			if first < 0 {
				first = i
			}
		}
	}
	if startsWith(have, dns) {
		return content
	}
	var out strings.Builder
	for i, l := range lines {
		if i == first {
			writeServers(&out, dns)
		}
		if f := strings.Fields(l); len(f) > 0 && f[0] == "nameserver" {
			continue
		}
		out.WriteString(l)
	}
	if first < 0 {
		endLine(&out)
		writeServers(&out, dns)
	}
	return out.String()
}

func writeServers(out *strings.Builder, dns []netip.Addr) {
	for _, d := range dns {
		out.WriteString("nameserver " + d.String() + "\n")
	}
}

func startsWith(have []string, dns []netip.Addr) bool {
	if len(have) < len(dns) {
		return false
	}
	for i, d := range dns {
		if a, err := netip.ParseAddr(have[i]); err != nil || a != d {
			return false
		}
	}
	return true
}

// splitLines cuts a text into its lines, each with its newline; the last may
// have none.
func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// endLine finishes a last line that lacks its newline.
func endLine(out *strings.Builder) {
	if s := out.String(); s != "" && !strings.HasSuffix(s, "\n") {
		out.WriteByte('\n')
	}
}

// netmask writes a prefix length as an IPv4 mask: 24 is 255.255.255.0.
func netmask(bits int) string {
	m := ^uint32(0) << (32 - bits)
	if bits == 0 {
		m = 0
	}
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
}

package netconf

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// KeyfileDir is where NetworkManager keeps profiles in its own format. Those
// under /run are its makeshifts, and give way to any other.
const KeyfileDir = "/etc/NetworkManager/system-connections"

// ownPriority puts a profile of lvsup's before every other for the interface; it
// is the highest there is (nm-settings(5), connection.autoconnect-priority).
const ownPriority = "999"

// OwnKeyfilePath is the profile that lvsup writes for an interface that has none.
func OwnKeyfilePath(name string) string {
	return path.Join(KeyfileDir, ownPrefix+name+".nmconnection")
}

// profile is what a keyfile says of itself (nm-settings-keyfile(5)).
type profile struct {
	file      string
	uuid      string
	kind      string // connection.type
	name, mac string // the interface that it is for; empty: any
	wide      bool   // it is for every Ethernet interface
	port      string // of this bridge or bond: it has no addresses of its own
	priority  int
	starts    bool // at boot, by itself
}

func profileOf(file, content string) profile {
	p := profile{file: file, starts: true}
	for _, l := range parseINI(content, false) {
		switch l.section + "." + l.key {
		case "connection.type":
			p.kind = l.value
		case "connection.uuid":
			p.uuid = l.value
		case "connection.interface-name":
			p.name = l.value
		case "ethernet.mac-address", "802-3-ethernet.mac-address":
			p.mac = l.value
		case "connection.master", "connection.controller":
			p.port = l.value
		case "connection.autoconnect-priority":
			p.priority, _ = strconv.Atoi(l.value)
		case "connection.autoconnect":
			p.starts = l.value == "" || isTrue(l.value)
		}
	}
	p.wide = p.name == "" && p.mac == "" && (p.kind == "ethernet" || p.kind == "802-3-ethernet")
	return p
}

// holdsSecrets reports whether a keyfile has a password or a key in it.
func holdsSecrets(content string) bool {
	for _, l := range parseINI(content, false) {
		k := strings.ToLower(l.key)
		if k == "" || l.value == "" || strings.HasSuffix(k, "-flags") {
			continue
		}
		for _, word := range []string{"password", "psk", "secret", "wep-key", "private-key"} {
			if strings.Contains(k, word) {
				return true
			}
		}
		if k == "pin" || l.section == "vpn-secrets" {
			return true
		}
	}
	return false
}

// profiles lists those that can bring an interface up at boot, the one that
// NetworkManager prefers first. Where it may prefer either, that for every
// interface comes first.
func (f Files) profiles(name string) []profile {
	var all []profile
	for _, file := range sortedKeys(f.Content) {
		if path.Dir(file) != KeyfileDir {
			continue
		}
		p := profileOf(file, f.Content[file])
		mine := p.name == name || p.wide || p.name == "" && p.mac != "" && strings.EqualFold(p.mac, f.MAC[name])
		if mine && p.starts {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b profile) int {
		switch {
		case a.priority != b.priority:
			return b.priority - a.priority
		case a.wide && !b.wide:
			return -1
		case b.wide && !a.wide:
			return 1
		}
		return 0
	})
	return all
}

func planKeyfiles(want map[string]string, files Files, all []Settings) error {
	for _, s := range all {
		file, content, err := files.keyfile(s)
		if err != nil {
			return fmt.Errorf("cannot keep the address of %s for the next boot: %w", s.Name, err)
		}
		want[file] = content
		for _, m := range s.Bond.Members {
			if file, content, err = files.memberKeyfile(s, m); err != nil {
				return fmt.Errorf("cannot keep %s for the next boot: %w", s.Name, err)
			}
			want[file] = content
		}
	}
	return nil
}

// keyfile says which profile brings an interface up, and what it must hold. The
// one that is there is edited, so that what else is in it stays; one that
// cloud-init writes, or that is for other interfaces too, is outranked.
func (f Files) keyfile(s Settings) (file, content string, err error) {
	if secret := f.Secret[s.Name]; secret != "" {
		return "", "", fmt.Errorf("its profile %s holds a password or a key, and lvsup does not carry such files about; set the address with nmcli (connection modify), and leave the interface block out of the plan", secret)
	}
	all := f.profiles(s.Name)
	if len(all) == 0 || all[0].wide || fromCloudInit(all[0].file, f.Content[all[0].file]) {
		return OwnKeyfilePath(s.Name), renderKeyfile(s), nil
	}
	switch first := all[0]; {
	case first.port != "":
		return "", "", fmt.Errorf("%s makes it a port of %s, which has the addresses; name that interface in the plan", first.file, first.port)
	case s.VLAN != (VLAN{}) && first.kind != "vlan":
		return "", "", fmt.Errorf("%s is a profile for it, but of the type %s and not of a VLAN; take it away, or call the interface %s", first.file, first.kind, otherName(s))
	case s.isBond() && first.kind != "bond":
		return "", "", fmt.Errorf("%s is a profile for it, but of the type %s and not of a bond; take it away, or call the interface otherwise", first.file, first.kind)
	case len(all) > 1 && all[1].priority == first.priority:
		return "", "", fmt.Errorf("NetworkManager has two profiles for it, %s and %s, and takes the one that it used last; delete one, or set autoconnect=false in it", first.file, all[1].file)
	}
	return all[0].file, editKeyfile(f.Content[all[0].file], s), nil
}

// profileUUID is the same on every host and in every run: a UUID of version 8
// (RFC 9562) made of the interface's name.
func profileUUID(name string) string {
	h := sha256.Sum256([]byte("lvsup network profile " + name))
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// renderKeyfile writes a profile. The family that the plan says nothing of is
// left to what the network offers, as in NetworkManager's own profiles.
func renderKeyfile(s Settings) string {
	lines := parseINI("# Written by lvsup; changed by the next apply.\n", false)
	kind := "ethernet"
	switch {
	case s.VLAN != (VLAN{}):
		kind = "vlan"
	case s.isBond():
		kind = "bond"
	}
	lines = append(lines, addSection(nil, "connection", "id="+ownPrefix+s.Name, "uuid="+profileUUID(s.Name), "type="+kind,
		"interface-name="+s.Name, "autoconnect-priority="+ownPriority)...)
	for _, ipv6 := range []bool{false, true} {
		lines = addSection(lines, ipSection(ipv6), "method=auto")
	}
	return editKeyfile(iniText(lines), s)
}

func ipSection(ipv6 bool) string {
	if ipv6 {
		return "ipv6"
	}
	return "ipv4"
}

// editKeyfile returns the profile with the settings in it. One that gives them
// already comes back as it is; of another only what contradicts them goes.
func editKeyfile(content string, s Settings) string {
	lines := parseINI(content, false)
	// Each family has its own list of servers.
	s.DNS = slices.Clone(s.DNS)
	slices.SortStableFunc(s.DNS, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	if keyfileView(lines).gives(s) && (s.VLAN == (VLAN{}) || isVLANProfile(lines, s.VLAN)) && isBondProfile(lines, s) {
		return content
	}
	lines = editBond(editVLAN(lines, s.VLAN), s)
	for _, ipv6 := range []bool{false, true} {
		lines = editFamily(lines, s, ipv6)
	}
	if s.MTU != 0 {
		name := "ethernet"
		if _, old := firstOf(lines, "802-3-ethernet"); old {
			name = "802-3-ethernet"
		}
		lines = without(lines, func(l iniLine) bool { return l.section == name && l.key == "mtu" })
		lines = addKeys(lines, name, "mtu="+strconv.Itoa(s.MTU))
	}
	return iniText(lines)
}

// editFamily puts what the settings say of one family into its section.
func editFamily(lines []iniLine, s Settings, ipv6 bool) []iniLine {
	sec, static := ipSection(ipv6), s.static(ipv6)
	gateway, routes := s.split(ipv6)
	// Without addresses a family has no servers either: NetworkManager would
	// refuse the profile.
	method, _ := lastValue(lines, sec, "method")
	off := !static && (method == "disabled" || method == "ignore" || method == "link-local" || method == "shared")
	lines, highest := withoutRoutes(lines, sec, s)
	lines = without(lines, func(l iniLine) bool {
		_, isAddress := numbered(l, sec, "address")
		switch {
		case l.section != sec:
			return false
		case l.key == "dns":
			return len(s.DNS) > 0
		case l.key == "never-default":
			return gateway.IsValid()
		}
		return static && (isAddress || l.key == "method" || l.key == "addresses" || l.key == "gateway")
	})
	var pairs []string
	for i, p := range s.of(ipv6) {
		pairs = append(pairs, "address"+strconv.Itoa(i+1)+"="+p.String())
	}
	if gateway.IsValid() {
		pairs = append(pairs, "gateway="+gateway.String())
	}
	servers := ""
	for _, d := range s.DNS {
		if d.Is6() == ipv6 && !off {
			servers += d.String() + ";"
		}
	}
	if servers != "" {
		pairs = append(pairs, "dns="+servers)
	}
	if static {
		pairs = append(pairs, "method=manual")
	}
	for i, r := range routes {
		pairs = append(pairs, "route"+strconv.Itoa(highest+1+i)+"="+keyfileRoute(r))
	}
	return addKeys(lines, sec, pairs...)
}

// withoutRoutes drops the routes that the settings replace, with their options,
// and gives the highest number of those that stay.
func withoutRoutes(lines []iniLine, section string, s Settings) (kept []iniLine, highest int) {
	gone := map[string]bool{}
	for _, l := range lines {
		n, ok := numbered(l, section, "route")
		if r, good := parseKeyfileRoute(l.value); ok && good && s.replaces(r.To) {
			gone[l.key], gone[l.key+"_options"] = true, true
		} else if ok {
			highest = max(highest, n)
		}
	}
	return without(lines, func(l iniLine) bool { return l.section == section && gone[l.key] }), highest
}

func firstOf(lines []iniLine, section string) (iniLine, bool) {
	for _, l := range lines {
		if l.section == section {
			return l, true
		}
	}
	return iniLine{}, false
}

// numbered reads the number of a key such as address2.
func numbered(l iniLine, section, key string) (int, bool) {
	rest, ok := strings.CutPrefix(l.key, key)
	n, err := strconv.Atoi(rest)
	return n, ok && err == nil && l.section == section
}

// keyfileRoute writes NETWORK/BITS[,GATEWAY[,METRIC]].
func keyfileRoute(r Route) string {
	text := r.To.String()
	if r.Via.IsValid() {
		text += "," + r.Via.String()
	} else if r.Metric != 0 {
		none, _ := parseDestination("", r.To.Addr().Is6())
		text += "," + none.Addr().String()
	}
	if r.Metric != 0 {
		text += "," + strconv.Itoa(r.Metric)
	}
	return text
}

func parseKeyfileRoute(text string) (Route, bool) {
	f := strings.Split(text, ",")
	p, ok := parseAddress(strings.TrimSpace(f[0]))
	r := Route{To: p.Masked()}
	if len(f) > 1 {
		if a, err := netip.ParseAddr(strings.TrimSpace(f[1])); err == nil && !a.IsUnspecified() {
			r.Via = a
		}
	}
	if len(f) > 2 {
		r.Metric, _ = strconv.Atoi(strings.TrimSpace(f[2]))
	}
	return r, ok
}

// keyfileView reads a profile.
func keyfileView(lines []iniLine) view {
	v := newView()
	v.dhcp[false], v.dhcp[true] = true, true // the default, method=auto
	for _, ipv6 := range []bool{false, true} {
		sec := ipSection(ipv6)
		for _, l := range lines {
			if l.section != sec {
				continue
			}
			_, isAddress := numbered(l, sec, "address")
			_, isRoute := numbered(l, sec, "route")
			switch {
			case l.key == "method":
				v.dhcp[ipv6] = l.value != "manual" && l.value != "disabled" && l.value != "ignore" && l.value != "link-local"
			case isAddress: // an older form has the gateway after a comma
				addr, gw, _ := strings.Cut(l.value, ",")
				if p, ok := parseAddress(addr); ok {
					v.addrs = append(v.addrs, p)
				}
				if a, err := netip.ParseAddr(gw); err == nil && !a.IsUnspecified() {
					v.gateway[ipv6] = a
				}
			case l.key == "gateway":
				v.gateway[ipv6], _ = netip.ParseAddr(l.value)
			case l.key == "dns":
				for _, w := range strings.FieldsFunc(l.value, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
					if a, err := netip.ParseAddr(w); err == nil {
						v.dns = append(v.dns, a)
					}
				}
			case isRoute:
				r, ok := parseKeyfileRoute(l.value)
				switch {
				case ok && r.To.Bits() == 0:
					v.gateway[ipv6] = r.Via
				case ok:
					v.routes = append(v.routes, r)
				}
			}
		}
	}
	for _, sec := range []string{"ethernet", "802-3-ethernet"} {
		if m, ok := lastValue(lines, sec, "mtu"); ok {
			v.mtu, _ = strconv.Atoi(m)
		}
	}
	return v
}

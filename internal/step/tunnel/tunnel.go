package tunnel

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/fou"
	"github.com/lvsup/lvsup/internal/step"
)

// Name is the kind's name.
const Name = "tunnel"

// The fields of a device's and a port's IDs.
const (
	link     = "link"     // up or down
	mode     = "mode"     // what ip6tnl0 unwraps
	checksum = "checksum" // what gre0 takes: yes or no
	live     = "live"     // an address, a sysctl, a port
)

// The values.
const (
	up   = "up"
	down = "down"
	yes  = "yes"
	no   = "no"
	both = "any"
	// loose is rp_filter's value for "the sender can be reached, whichever way"
	// (Documentation/networking/ip-sysctl.rst).
	loose = "2"
)

// Address is what a device that IPv4 packets come out of gets. Nothing is sent
// to or from it.
const Address = "127.76.86.83/32"

// Device is a tunnel device. One whose module is not loaded yet is as it will
// be when it is.
type Device struct {
	Up       bool
	Mode     string   // of ip6tnl0: "any", "ip6ip6" or "ipip6"
	Checksum bool     // of gre0
	RPFilter string   // net.ipv4.conf.DEVICE.rp_filter
	IPv4     []string // its addresses with their prefix lengths
}

// Observed is what a host has of tunnels.
type Observed struct {
	Devices map[string]Device // those that are wanted or owned
	Ports   []fou.Port
	Files   map[string]string // content by path
}

func rpFilter(device string) string { return "net.ipv4.conf." + device + ".rp_filter" }

func addressID(device string) step.ID { return step.ID{Key: Address + " dev " + device, Field: live} }

func portID(p fou.Port) step.ID {
	key := "udp port " + strconv.Itoa(int(p.Port))
	if p.IPv6 {
		key += " ipv6"
	}
	return step.ID{Key: key, Field: live}
}

// parsePort undoes portID.
func parsePort(key string) (fou.Port, bool) {
	rest, ok := strings.CutPrefix(key, "udp port ")
	if !ok {
		return fou.Port{}, false
	}
	number, ipv6 := strings.CutSuffix(rest, " ipv6")
	n, err := strconv.ParseUint(number, 10, 16)
	return fou.Port{Port: uint16(n), IPv6: ipv6, Type: fou.GUE}, err == nil
}

// deviceOf gives the device that an ID is about.
func deviceOf(id step.ID) (string, bool) {
	for _, d := range allDevices() {
		if id.Key == d || id.Key == rpFilter(d) || id == addressID(d) {
			return d, true
		}
	}
	return "", false
}

// Diff compares.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	seen, wanted := have.state(), step.State{}
	if len(want.Tunnels) > 0 {
		wanted = bootFiles(want)
	}
	for name, in := range want.devices() {
		have.device(name, in, owned, wanted)
	}
	for _, t := range want.Tunnels {
		if t.Type == gue {
			wanted[portID(fou.Port{Port: t.Port, IPv6: t.OuterIPv6})] = fou.GUE
		}
	}
	changes := step.Reconcile(wanted, owned, seen)
	for i := range changes {
		finish(&changes[i], owned)
	}
	step.Sort(changes)
	sort.SliceStable(changes, func(i, j int) bool { return rank(changes[i]) < rank(changes[j]) })
	return changes
}

// device adds what is wanted of one device. What is good enough by others' hands
// is left as it is.
func (o Observed) device(name string, in inner, owned step.Owned, wanted step.State) {
	d := o.Devices[name]
	wish := func(id step.ID, value string, goodEnough bool) {
		if _, mine := owned[id]; mine || !goodEnough {
			wanted[id] = value
		}
	}
	wanted[step.ID{Key: name, Field: link}] = up
	switch name {
	case "ip6tnl0":
		fits := d.Mode == both || in.ipv4 != in.ipv6 && d.Mode == map[bool]string{true: "ipip6", false: "ip6ip6"}[in.ipv4]
		wish(step.ID{Key: name, Field: mode}, both, fits)
	case "gre0":
		wish(step.ID{Key: name, Field: checksum}, word(in.checksum, yes, no), d.Checksum == in.checksum)
	}
	if in.ipv4 {
		wanted[step.ID{Key: rpFilter(name), Field: live}] = loose
		wish(addressID(name), Address, len(d.IPv4) > 0)
	}
}

// state flattens what was seen.
func (o Observed) state() step.State {
	s := step.State{}
	for name, d := range o.Devices {
		s[step.ID{Key: name, Field: link}] = word(d.Up, up, down)
		s[step.ID{Key: rpFilter(name), Field: live}] = d.RPFilter
		switch name {
		case "ip6tnl0":
			s[step.ID{Key: name, Field: mode}] = d.Mode
		case "gre0":
			s[step.ID{Key: name, Field: checksum}] = word(d.Checksum, yes, no)
		}
		if slices.Contains(d.IPv4, Address) {
			s[addressID(name)] = Address
		}
	}
	for _, p := range o.Ports {
		s[portID(p)] = p.Type
	}
	for path, text := range o.Files {
		s[content(path)] = step.EncodeBytes([]byte(text))
	}
	return s
}

func word(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// finish fits what Reconcile says to values that cannot be taken away, and to
// ports that are somebody else's.
func finish(c *step.Change, owned step.Owned) {
	_, isDevice := deviceOf(c.ID)
	_, isPort := parsePort(c.Key)
	switch {
	case isDevice && c.Action == step.Delete && c.Field != live, c.Action == step.Delete && strings.HasSuffix(c.Key, ".rp_filter"):
		*c = step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: "it was so before lvsup"}
	case isPort && c.Action == step.Update:
		if _, mine := owned[c.ID]; !mine {
			c.Blocked = "somebody else takes other packets on this port (" + c.From + "): choose another with port in the tunnel block"
		}
	case c.Field == checksum && c.Action == step.Update:
		c.Why = "the device takes packets with a checksum or those without, not both"
	}
}

// rank is the order of changes. What udev and a boot read is there before the
// device appears; the device is up before it is told more. Removals go the
// other way.
func rank(c step.Change) int {
	r := 3
	switch c.Field {
	case step.ContentField:
		r = 0
	case link:
		r = 1
	case mode, checksum:
		r = 2
	}
	switch {
	case !c.Action.Removes():
		return r
	case r == 0:
		return 10
	}
	return 20 - r
}

// Commands are what a person would type for the change.
func Commands(_ Desired, c step.Change) []string {
	if !c.Action.Mutates() || c.Blocked != "" {
		return nil
	}
	device, _ := deviceOf(c.ID)
	port, isPort := parsePort(c.Key)
	gone := c.Action == step.Delete
	switch {
	case c.Field == link && c.To == up:
		return []string{"modprobe " + moduleOf(device), "ip link set " + device + " up"}
	case c.Field == link:
		return []string{"ip link set " + device + " " + c.To}
	case c.Field == mode:
		return []string{"ip -6 tunnel change " + device + " mode " + c.To}
	case c.Field == checksum && c.To == no:
		return []string{"# ip(8) has no word for it: ip tunnel change gre0 sets icsum and clears nothing"}
	case c.Field == checksum:
		return []string{"ip tunnel change gre0 mode gre icsum"}
	case c.Field == step.ContentField:
		if strings.HasPrefix(c.Key, "/var/lib/lvsup/") {
			return step.FileCommands(c, 0o600)
		}
		return step.FileCommands(c, 0o644)
	case isPort:
		return portCommands(port, c)
	case device != "" && c.ID == addressID(device):
		return []string{"ip addr " + word(gone, "del", "add") + " " + Address + " dev " + device + word(gone, "", " scope host")}
	}
	return []string{"sysctl -w " + c.Key + "=" + c.To}
}

func portCommands(p fou.Port, c step.Change) []string {
	command := word(p.IPv6, "ip -6 fou ", "ip fou ")
	remove := command + "del port " + strconv.Itoa(int(p.Port))
	switch c.Action {
	case step.Delete:
		return []string{remove}
	case step.Update:
		return []string{remove, command + "add " + p.String()}
	}
	return []string{"modprobe " + fouModule, command + "add " + p.String()}
}

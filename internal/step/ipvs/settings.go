package ipvs

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// What follows is the text of timeouts and sync daemons: of IPVS as a whole,
// beside the table.

// timeoutNames are ipvsadm's words for the timeouts, in its order.
var timeoutNames = [3]string{"tcp", "tcpfin", "udp"}

func timeoutID(name string) step.ID { return step.ID{Key: timeoutPrefix + name} }

// bootTimeouts are those of a kernel that nobody has told any: tcp_timeouts and
// udp_timeouts in net/netfilter/ipvs/ip_vs_proto_tcp.c and _udp.c.
func bootTimeouts() ipvs.Timeouts {
	return ipvs.Timeouts{TCP: 15 * 60, TCPFin: 2 * 60, UDP: 5 * 60}
}

func addTimeouts(state step.State, t ipvs.Timeouts) {
	for i, seconds := range [3]uint32{t.TCP, t.TCPFin, t.UDP} {
		state[timeoutID(timeoutNames[i])] = strconv.FormatUint(uint64(seconds), 10)
	}
}

// parseTimeout gives the timeouts with only the one of that ID set.
func parseTimeout(id step.ID, value string) (ipvs.Timeouts, error) {
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return ipvs.Timeouts{}, fmt.Errorf("cannot read %q as a timeout: want a number of seconds", value)
	}
	var t ipvs.Timeouts
	switch strings.TrimPrefix(id.Key, timeoutPrefix) {
	case timeoutNames[0]:
		t.TCP = uint32(seconds)
	case timeoutNames[1]:
		t.TCPFin = uint32(seconds)
	case timeoutNames[2]:
		t.UDP = uint32(seconds)
	default:
		return t, fmt.Errorf("cannot find the timeout %q", id.Key)
	}
	return t, nil
}

func (t Timeouts) validate() error {
	for name, seconds := range map[string]int{"tcp": t.TCP, "tcp_fin": t.TCPFin, "udp": t.UDP} {
		if seconds < 0 || seconds > ipvs.MaxTimeout {
			return fmt.Errorf("%s: %d is not within 0..%d", name, seconds, ipvs.MaxTimeout)
		}
	}
	return nil
}

// wanted gives the timeouts that are to be kept, by ID and in order.
func (t *Timeouts) wanted() (ids []step.ID, values []string) {
	if t == nil {
		return nil, nil
	}
	for i, seconds := range [3]int{t.TCP, t.TCPFin, t.UDP} {
		if seconds != 0 {
			ids = append(ids, timeoutID(timeoutNames[i]))
			values = append(values, strconv.Itoa(seconds))
		}
	}
	return ids, values
}

// interfaceName is what the kernel and ipvsadm's command line both take.
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

func (d Daemon) validate() error {
	role, err := parseRole(d.Role)
	if err != nil {
		return err
	}
	group, err := netip.ParseAddr(d.Group)
	switch {
	case !interfaceName.MatchString(d.Interface):
		return fmt.Errorf("interface: %q is not the name of one", d.Interface)
	case d.ID < 0 || d.ID > math.MaxUint8:
		return fmt.Errorf("id: %d is not within 0..255", d.ID)
	case err != nil || !group.IsMulticast() || group.Zone() != "" || group.Is4In6():
		return fmt.Errorf("group: %q is not a multicast address", d.Group)
	case d.Port < 1 || d.Port > math.MaxUint16:
		return fmt.Errorf("port: %d is not within 1..65535", d.Port)
	case d.TTL < 1 || d.TTL > math.MaxUint8:
		return fmt.Errorf("ttl: %d is not within 1..255", d.TTL)
	case d.MaxLength == 0:
		return nil
	}
	// The kernel would quietly take another length than one outside of these.
	least, most := leastLength(role), math.MaxUint16-headers(group)
	if d.MaxLength < least || d.MaxLength > most {
		return fmt.Errorf("max_length: %d is not within %d..%d, which a %s takes", d.MaxLength, least, most, d.Role)
	}
	return nil
}

func daemonID(role ipvs.DaemonRole) step.ID { return step.ID{Key: daemonPrefix + role.String()} }

func parseRole(s string) (ipvs.DaemonRole, error) {
	for _, role := range []ipvs.DaemonRole{ipvs.Master, ipvs.Backup} {
		if s == role.String() {
			return role, nil
		}
	}
	return 0, fmt.Errorf("role: %q is not master or backup", s)
}

// daemon gives the daemon as the kernel should be told of it.
func (d Daemon) daemon() ipvs.Daemon {
	role, _ := parseRole(d.Role) // Validate has seen both
	group, _ := netip.ParseAddr(d.Group)
	return ipvs.Daemon{
		Role: role, Interface: d.Interface, ID: uint8(d.ID), Group: group,
		Port: uint16(d.Port), TTL: uint8(d.TTL), MaxLength: uint16(d.MaxLength),
	}
}

// headers is the length of the IP and UDP headers of a daemon's messages, in
// bytes.
func headers(group netip.Addr) int {
	if group.Is6() {
		return 40 + 8
	}
	return 20 + 8
}

// leastLength is the shortest maximum that the kernel takes of a daemon.
func leastLength(role ipvs.DaemonRole) int {
	if role == ipvs.Backup {
		return 1024
	}
	return 1
}

// ownLength is what the kernel takes as the longest message of a daemon that
// was not told: start_sync_thread in net/netfilter/ipvs/ip_vs_sync.c. A master
// goes by the usual MTU whatever the interface's, 0 if that is not known.
func ownLength(d ipvs.Daemon, mtu int) int {
	switch {
	case d.Role != ipvs.Backup:
		mtu = 1500
	case mtu == 0:
		return 0
	default:
		mtu = min(max(mtu, 1500), math.MaxUint16)
	}
	return mtu - headers(d.Group)
}

// daemonValue gives a daemon's settings in ipvsadm's words, those that the
// kernel takes by itself left out: "mcast ens33 syncid 1", "mcast ens33 syncid
// 1 group 224.0.0.90 port 9000 ttl 3 maxlen 1400". mtu is the interface's, 0 if
// it is not known.
func daemonValue(d ipvs.Daemon, mtu int) string {
	if !d.Group.IsValid() { // kernels before 4.3 do not tell, and have no other
		d.Group = ipvs.DefaultDaemonGroup()
	}
	b := append([]byte("mcast "), d.Interface...)
	b = appendNumber(b, " syncid ", uint32(d.ID))
	if d.Group != ipvs.DefaultDaemonGroup() {
		b = d.Group.AppendTo(append(b, " group "...))
	}
	if d.Port != 0 && d.Port != ipvs.DefaultDaemonPort {
		b = appendNumber(b, " port ", uint32(d.Port))
	}
	if d.TTL != 0 && d.TTL != ipvs.DefaultDaemonTTL {
		b = appendNumber(b, " ttl ", uint32(d.TTL))
	}
	if d.MaxLength != 0 && int(d.MaxLength) != ownLength(d, mtu) {
		b = appendNumber(b, " maxlen ", uint32(d.MaxLength))
	}
	return string(b)
}

// parseDaemon reads what daemonValue wrote; what that left out is zero, which
// has the kernel choose the same again.
func parseDaemon(id step.ID, value string) (ipvs.Daemon, error) {
	role, err := parseRole(strings.TrimPrefix(id.Key, daemonPrefix))
	w, ok := words(value), err == nil
	d := ipvs.Daemon{Role: role}
	small := func(most uint32) uint32 {
		n := w.number(&ok)
		ok = ok && n <= most
		return n
	}
	ok = w.word("mcast") && ok
	d.Interface = w.next()
	ok = w.word("syncid") && ok
	d.ID = uint8(small(math.MaxUint8))
	if w.word("group") {
		d.Group, err = netip.ParseAddr(w.next())
		ok = ok && err == nil
	}
	if w.word("port") {
		d.Port = uint16(small(math.MaxUint16))
	}
	if w.word("ttl") {
		d.TTL = uint8(small(math.MaxUint8))
	}
	if w.word("maxlen") {
		d.MaxLength = uint16(small(math.MaxUint16))
	}
	if !ok || d.Interface == "" || w.peek() != "" {
		return ipvs.Daemon{}, fmt.Errorf("cannot read %q as a %s: want mcast INTERFACE syncid NUMBER [group ADDRESS] [port PORT] [ttl NUMBER] [maxlen NUMBER]", value, id.Key)
	}
	return d, nil
}

// readMTU gives the MTU of an interface in bytes, 0 if there is none of that
// name.
func readMTU(h host.Host, name string) int {
	if !interfaceName.MatchString(name) {
		return 0
	}
	b, err := os.ReadFile(h.Path("/sys/class/net/" + name + "/mtu"))
	if err != nil {
		return 0
	}
	mtu, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return mtu
}

// checkInterfaces names an interface that a wanted sync daemon would not find.
func checkInterfaces(want Desired, mtu map[string]int) error {
	for _, d := range want.Sync {
		if mtu[d.Interface] == 0 {
			return fmt.Errorf("cannot run sync daemon %s: this host has no interface %s", d.Role, d.Interface)
		}
	}
	return nil
}

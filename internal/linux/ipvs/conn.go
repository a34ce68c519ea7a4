package ipvs

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// ConnFile lists the connections of a network namespace; netlink does not.
const ConnFile = "/proc/net/ip_vs_conn"

// Conn is one entry of the connection table.
type Conn struct {
	// Protocol is the kernel's word: "TCP", "UDP", "SCTP", or "IP" for the
	// template of a persistent firewall mark.
	Protocol string
	Client   netip.AddrPort // port 0 with a template
	Virtual  netip.AddrPort
	Backend  netip.AddrPort // may be of another family with tunnels
	State    string         // "ESTABLISHED", "TIME_WAIT", "NONE", ...
	Expires  uint32         // seconds
	PEName   string         // persistence engine of a template, with its data
	PEData   string
}

// MaxConns bounds what ParseConns keeps of a table.
const MaxConns = 100_000

// maxConnLine bounds one line of the file, in bytes. The kernel's longest are
// IPv6 ones with persistence data, of some 350.
const maxConnLine = 4 << 10

// ParseConns reads the content of ConnFile. It keeps the first limit entries
// and says whether there were more; a limit of 0 means MaxConns. The addresses
// in the file are hexadecimal in network order, IPv6 ones with colons, as
// net/netfilter/ipvs/ip_vs_conn.c prints them.
func ParseConns(r io.Reader, limit int) (conns []Conn, more bool, err error) {
	if limit <= 0 || limit > MaxConns {
		limit = MaxConns
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxConnLine), maxConnLine)
	for n := 1; lines.Scan(); n++ {
		if n == 1 {
			continue // the header
		}
		if len(conns) == limit {
			return conns, true, nil
		}
		c, err := parseConn(lines.Text())
		if err != nil {
			return conns, false, fmt.Errorf("cannot read line %d of %s: %w", n, ConnFile, err)
		}
		conns = append(conns, c)
	}
	if err := lines.Err(); err != nil {
		return conns, false, fmt.Errorf("cannot read %s: %w", ConnFile, err)
	}
	return conns, false, nil
}

func parseConn(line string) (Conn, error) {
	f := strings.Fields(line)
	if len(f) != 9 && len(f) != 11 {
		return Conn{}, fmt.Errorf("it has %d fields instead of 9 or 11", len(f))
	}
	c := Conn{Protocol: f[0], State: f[7]}
	for i, ap := range []*netip.AddrPort{&c.Client, &c.Virtual, &c.Backend} {
		var err error
		if *ap, err = parseEndpoint(f[1+2*i], f[2+2*i]); err != nil {
			return Conn{}, err
		}
	}
	expires, err := strconv.ParseUint(f[8], 10, 32)
	if err != nil {
		return Conn{}, fmt.Errorf("%q is not a number of seconds", f[8])
	}
	c.Expires = uint32(expires)
	if len(f) == 11 {
		c.PEName, c.PEData = f[9], f[10]
	}
	return c, nil
}

func parseEndpoint(addr, port string) (netip.AddrPort, error) {
	p, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is not a port in four hexadecimal digits", port)
	}
	digits := strings.ReplaceAll(addr, ":", "")
	b, err := hex.DecodeString(digits)
	a, ok := netip.AddrFromSlice(b)
	if err != nil || !ok || a.Is6() != strings.Contains(addr, ":") {
		return netip.AddrPort{}, fmt.Errorf("%q is not an address in hexadecimal digits", addr)
	}
	return netip.AddrPortFrom(a, uint16(p)), nil
}

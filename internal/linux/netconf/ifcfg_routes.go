package netconf

import (
	"fmt"
	"net/netip"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// RouteFile is the file of an interface's static routes of one family, as
// ifup-routes of network-scripts and NetworkManager read it.
func RouteFile(name string, ipv6 bool) string {
	if ipv6 {
		return path.Join(IfcfgDir, "route6-"+name)
	}
	return path.Join(IfcfgDir, "route-"+name)
}

// planRouteFiles adds the route files that the settings need.
func planRouteFiles(want, files map[string]string, s Settings) error {
	for _, ipv6 := range []bool{false, true} {
		_, routes := s.split(ipv6)
		if len(routes) == 0 {
			continue
		}
		p := RouteFile(s.Name, ipv6)
		content, err := EditRoutes(files[p], s.Name, routes)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", p, err)
		}
		want[p] = content
	}
	return nil
}

// numberedRE tells the format of a route file, as ifup-routes does: assignments
// ADDRESS0=, NETMASK0=, GATEWAY0=, ... or else arguments of `ip route add`.
var numberedRE = regexp.MustCompile(`(?m)^[ \t]*ADDRESS[0-9]+=`)

// EditRoutes returns a route file with the routes in it, in the format that the
// file has. Lines that say as much already stay, and so do comments and routes
// to elsewhere; another plain way to a destination of ours goes.
func EditRoutes(content, name string, routes []Route) (string, error) {
	if numberedRE.MatchString(content) {
		return editNumbered(content, routes)
	}
	there := map[int]bool{}
	var out strings.Builder
	for _, l := range splitLines(content) {
		drop := false
		if have, ok := readRoute(strings.Fields(l)); ok {
			for n, r := range routes {
				switch {
				case r.fits(have, name) && !there[n]:
					there[n] = true
				case !have.more && have.route.To == r.To && (r.Metric == 0 || have.route.Metric == r.Metric):
					drop = true
				}
			}
		}
		if !drop {
			out.WriteString(l)
		}
	}
	for n, r := range routes {
		if !there[n] {
			endLine(&out)
			out.WriteString(r.words(name) + "\n")
		}
	}
	return out.String(), nil
}

// words writes the route as arguments of ip-route(8).
func (r Route) words(name string) string {
	text := r.To.String()
	if r.Via.IsValid() {
		text += " via " + r.Via.String()
	}
	text += " dev " + name
	if r.Metric != 0 {
		text += " metric " + strconv.Itoa(r.Metric)
	}
	return text
}

// routeWords is what arguments of ip-route(8) say of a route.
type routeWords struct {
	route Route
	dev   string
	more  bool // there are others, which may change what it does
}

// readRoute reads arguments of ip-route(8). ok is false where they name no
// destination.
func readRoute(f []string) (w routeWords, ok bool) {
	if len(f) > 0 && f[0] == "to" {
		f = f[1:]
	}
	if len(f) == 0 {
		return w, false
	}
	to, err := netip.ParsePrefix(f[0])
	if err != nil {
		a, err := netip.ParseAddr(f[0])
		if err != nil {
			return w, false
		}
		to = netip.PrefixFrom(a, a.BitLen())
	}
	w.route.To = to.Masked()
	for f = f[1:]; len(f) >= 2; f = f[2:] {
		switch f[0] {
		case "via":
			w.route.Via, err = netip.ParseAddr(f[1])
		case "dev":
			w.dev = f[1]
		case "metric":
			w.route.Metric, err = strconv.Atoi(f[1])
		default:
			err = fmt.Errorf("another word")
		}
		w.more = w.more || err != nil
	}
	w.more = w.more || len(f) > 0
	return w, true
}

// fits reports whether the words give the route, on that interface.
func (r Route) fits(w routeWords, name string) bool {
	return !w.more && w.route.To == r.To && w.route.Via == r.Via &&
		(r.Metric == 0 || w.route.Metric == r.Metric) && (w.dev == name || w.dev == "" && r.Via.IsValid())
}

// editNumbered puts IPv4 routes into a file of numbered assignments, whose
// numbers begin with 0 and have no gap. The format has no metric.
func editNumbered(content string, routes []Route) (string, error) {
	lines := parseShell(content)
	if n := len(lines); n > 0 && open(lines[n-1].raw) {
		return "", fmt.Errorf("the file ends within a quote or a joined line, so a shell cannot read it: mend or remove it by hand")
	}
	value := func(key string, n int) string {
		l, _ := last(lines, key+strconv.Itoa(n))
		return l.value
	}
	count := 0
	for value("ADDRESS", count) != "" {
		count++
	}
	for _, r := range routes {
		if r.Metric != 0 || r.To.Addr().Is6() {
			return "", fmt.Errorf("its lines are ADDRESS0=, NETMASK0=, GATEWAY0=, which have no metric for the route to %s: "+
				"write them as \"10.8.0.0/16 via 192.168.140.2\", one route a line, or leave the metric out", r.To)
		}
		at := count
		for n := range count {
			mask := value("NETMASK", n)
			if value("ADDRESS", n) == r.To.Addr().String() && (mask == netmask(r.To.Bits()) || mask == strconv.Itoa(r.To.Bits())) {
				at = n
			}
		}
		via := ""
		if r.Via.IsValid() {
			via = r.Via.String()
		}
		number := strconv.Itoa(at)
		switch {
		case at == count:
			lines = append(lines, assign("ADDRESS"+number, r.To.Addr().String()), assign("NETMASK"+number, netmask(r.To.Bits())), assign("GATEWAY"+number, via))
			count++
		case value("GATEWAY", at) != via:
			lines = set(lines, assign("GATEWAY"+number, via))
		}
	}
	var out strings.Builder
	for _, l := range lines {
		endLine(&out)
		out.WriteString(l.raw)
	}
	return out.String(), nil
}

func assign(key, value string) line {
	return line{raw: key + "=" + value + "\n", key: key, value: value, plain: true}
}

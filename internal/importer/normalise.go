package importer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// maxWeight is the largest weight of the plan language.
const maxWeight = 65535

// normalise makes a service one that a kernel takes and a plan can say, and
// notes what it changed.
func (d *draft) normalise(s *service) {
	if s.scheduler == "" {
		s.scheduler = plans.DefaultScheduler
	}
	if !slices.Contains(plans.Schedulers(), s.scheduler) {
		s.notes = append(s.notes, warn(s.at, "scheduler %q is not one of Linux: the plan takes %s; change it to one of %s",
			shorten(s.scheduler), plans.DefaultScheduler, strings.Join(plans.Schedulers(), ", ")))
		s.scheduler = plans.DefaultScheduler
	}
	d.normaliseFlags(s)
	if s.engine != "" && s.engine != "sip" {
		s.notes = append(s.notes, warn(s.at, "persistence engine %q is not one of Linux, which has only sip: left out", shorten(s.engine)))
		s.engine = ""
	}
	if s.engine != "" && s.persist == 0 {
		s.notes = append(s.notes, warn(s.at, "a persistence engine without persistence does nothing: left out"))
		s.engine = ""
	}
	if s.persist > maxTimeout {
		s.notes = append(s.notes, warn(s.at, "a persistence of %d s is longer than the 31 days that lvsup and ipvsadm allow: cut to these", s.persist))
		s.persist = maxTimeout
	}
	if s.persist == 0 {
		s.prefix = 0
	}
	if s.prefix > 32 && !s.ipv6 {
		s.notes = append(s.notes, warn(s.at, "a mask of %d bits is none of IPv4: each client counts on its own", s.prefix))
		s.prefix = 0
	}
	var kept []*backend
	seen := map[string]bool{}
	for _, b := range s.backends {
		if why := b.normalise(s, seen); why != "" {
			s.endNotes = append(append(s.endNotes, b.notes...), warn(b.at, "real server %s is left out: %s", b.endpoint(), why))
			continue
		}
		kept = append(kept, b)
	}
	s.backends = kept
}

// longestTimeout is what the plan allows, and every kernel takes.
const longestTimeout = 596 * time.Hour

// normaliseTimeouts cuts timeouts that a plan cannot say.
func (d *draft) normaliseTimeouts() {
	for _, t := range []*time.Duration{&d.timeouts.TCP, &d.timeouts.TCPFin, &d.timeouts.UDP} {
		if *t > longestTimeout {
			d.ipvs = append(d.ipvs, warn(Place{File: d.opts.File}, "a timeout of %d s is longer than the 596 hours that every kernel takes: cut to these", int(*t/time.Second)))
			*t = longestTimeout
		}
	}
}

// normaliseFlags gives the scheduler's flags the plan's names, sorted.
func (d *draft) normaliseFlags(s *service) {
	var flags []string
	for _, f := range s.flags {
		name := strings.ToLower(strings.TrimSpace(f))
		if s.scheduler == "sh" || s.scheduler == "mh" {
			switch name {
			case "flag-1":
				name = s.scheduler + "-fallback"
			case "flag-2":
				name = s.scheduler + "-port"
			}
		}
		switch {
		case name == "":
		case name == s.scheduler+"-fallback" || name == s.scheduler+"-port":
			if s.scheduler == "sh" || s.scheduler == "mh" {
				flags = append(flags, name)
				continue
			}
			fallthrough
		default:
			s.notes = append(s.notes, warn(s.at, "scheduler %s has no flag %q: left out", s.scheduler, shorten(f)))
		}
	}
	slices.Sort(flags)
	s.flags = slices.Compact(flags)
}

// normalise makes a backend one that a kernel takes in that service; why is the
// reason if there is none.
func (b *backend) normalise(s *service, seen map[string]bool) (why string) {
	if b.weight > maxWeight {
		b.notes = append(b.notes, warn(b.at, "a weight above %d is cut to that: divide all weights of the service by the same number", maxWeight))
		b.weight = maxWeight
	}
	if b.lower > b.upper {
		b.notes = append(b.notes, warn(b.at, "a lower threshold above the upper one is refused by the kernel: left out"))
		b.lower = 0
	}
	switch {
	case b.port == s.port:
	case s.port == 0 && (b.forwarding != plans.ForwardNAT || s.persist > 0):
		b.notes = append(b.notes, warn(b.at, "port %d is never used here, clients' packets keep their own, so the plan leaves it out; that is another entry to the kernel: take the old one out by hand", b.port))
		b.port = 0
	case s.port == 0:
	case b.forwarding != plans.ForwardNAT:
		b.notes = append(b.notes, warn(b.at, "port %d counts only with NAT: the real server gets the service's", b.port))
		b.port = s.port
	case b.port == 0:
		b.notes = append(b.notes, warn(b.at, "port 0 of a real server cannot be kept: it gets the service's"))
		b.port = s.port
	}
	if b.forwarding != plans.ForwardTUN {
		b.tunnel = plans.Tunnel{}
		if b.address.Is6() != s.ipv6 {
			return "IPv4 and IPv6 mix with tunnels only"
		}
	} else {
		b.tunnel.MSS = b.tunnel.FitMSS(b.address.Is6(), s.ipv6)
	}
	id := b.endpoint().String()
	if seen[id] {
		return "the service has it already"
	}
	seen[id] = true
	return ""
}

// forwardings of a service are settled by count: what most of its backends have
// is the service's, and what most services have is the cluster's.
func (s *service) forwarding() plans.Forwarding {
	return most(s.backends, func(b *backend) plans.Forwarding { return b.forwarding })
}

// most gives the most frequent value, the first of several; the zero value of
// nothing.
func most[E any, V comparable](all []E, of func(E) V) V {
	var zero, best V
	count := map[V]int{}
	for _, e := range all {
		if v := of(e); v != zero {
			count[v]++
		}
	}
	for _, e := range all {
		if v := of(e); count[v] > count[best] {
			best = v
		}
	}
	return best
}

// sumUp gives "3 services with 12 backends".
func sumUp(c *plans.Cluster) string {
	backends := 0
	for i := range c.Services {
		backends += len(c.Services[i].Backends)
	}
	plural := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	return plural(len(c.Services), "service") + " with " + plural(backends, "backend")
}

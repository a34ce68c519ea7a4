package importer

import (
	"slices"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// build makes the cluster. What a plan must not say is left out, with a warning;
// the judge is plans.Validate itself.
func (d *draft) build() (*Result, error) {
	if len(d.errors) == 0 && len(d.services) == 0 {
		d.fail(Place{File: d.opts.File}, "cannot find a virtual service: is this a configuration of %s?", d.tool)
	}
	if len(d.errors) > 0 {
		slices.SortStableFunc(d.errors, func(a, b *Error) int {
			if a.Place.File != b.Place.File {
				return 0 // files are read in order
			}
			return a.Place.Line - b.Place.Line
		})
		return nil, d.errors
	}
	for _, s := range d.services {
		d.normalise(s)
	}
	d.group()
	d.normaliseTimeouts()
	var cluster *plans.Cluster
	for {
		cluster = d.cluster()
		dropped, err := d.judge(cluster)
		if err != nil {
			return nil, err
		}
		if !dropped {
			break
		}
	}
	if len(cluster.Services) == 0 {
		for _, n := range d.end {
			d.fail(n.at, "%s", n.text)
		}
		d.fail(Place{File: d.opts.File}, "cannot import anything: no service is left that a plan can say")
		return nil, d.errors
	}
	clearSources(cluster)
	return &Result{Cluster: cluster, Comments: d.comments(cluster), Warnings: d.warnings()}, nil
}

// group brings services on one address together, in the order of the first.
func (d *draft) group() {
	first := map[string]int{}
	for i, s := range d.services {
		if _, seen := first[s.vip()]; !seen {
			first[s.vip()] = i
		}
	}
	slices.SortStableFunc(d.services, func(a, b *service) int { return first[a.vip()] - first[b.vip()] })
}

// vip is what services are grouped by.
func (s *service) vip() string {
	if s.fwmark != 0 {
		return "firewall marks"
	}
	return s.address.String()
}

// The places of a cluster's parts, for plans.Validate: File says what a thing is,
// Line and Column which one.
const (
	atService = "service"
	atBackend = "backend"
	atSync    = "sync"
)

// source gives the place of a part, and of what Validate asks whether the plan
// says it.
func source(what string, i, j int, said ...string) plans.Source {
	at := plans.Range{File: what, Start: plans.Pos{Line: i, Column: j}}
	s := plans.Source{"": at}
	for _, attribute := range said {
		s[attribute] = at
	}
	return s
}

func (d *draft) cluster() *plans.Cluster {
	c := &plans.Cluster{
		Name:       d.opts.Cluster,
		Forwarding: most(d.services, (*service).forwarding),
		TimeSync:   plans.TimeSync{MaxOffset: plans.DefaultMaxOffset},
		Firewall:   plans.PolicyUnmanaged,
		SELinux:    plans.PolicyUnmanaged,
		IPVS:       plans.IPVS{Drain: plans.DefaultDrain, Timeouts: d.timeouts},
		Hosts:      []plans.Host{{Name: d.opts.Director, Role: plans.RoleDirector}},
	}
	if c.Forwarding == "" {
		c.Forwarding = plans.ForwardDR
	}
	for i, one := range d.sync {
		one.Source = source(atSync, i, 0, "role", "interface")
		c.IPVS.Sync = append(c.IPVS.Sync, one)
	}
	names := nameServices(d.services)
	for i, s := range d.services {
		c.Services = append(c.Services, s.plan(names[i], c, i))
	}
	return c
}

// plan gives the service in the plan's words.
func (s *service) plan(name string, c *plans.Cluster, i int) plans.VirtualService {
	out := plans.VirtualService{
		Name: name, Address: s.address, Port: s.port, Protocol: s.protocol, FWMark: s.fwmark, IPv6: s.ipv6,
		Scheduler: s.scheduler, SchedulerFlags: s.flags, OnePacket: s.onePacket,
		Forwarding: s.forwarding(), Drain: c.IPVS.Drain, Source: source(atService, i, 0),
		Persist: plans.PersistRCLocal,
	}
	if s.fwmark != 0 {
		out.Protocol = "tcp" // which says nothing without ports
		out.KeepVIP = true   // so does this without an address
	} else {
		out.Source = source(atService, i, 0, "port")
	}
	if out.Forwarding == "" {
		out.Forwarding = c.Forwarding
	}
	if out.Forwarding == plans.ForwardTUN {
		out.Tunnel = most(s.backends, func(b *backend) tunnelKey { return keyOf(b.tunnel) }).tunnel()
		out.Tunnel.MSS = out.Tunnel.FitMSS(s.ipv6, s.ipv6)
	}
	if s.persist > 0 {
		p := plans.Persistence{Timeout: time.Duration(s.persist) * time.Second, PrefixLen: s.prefix, Engine: s.engine, Source: out.Source}
		if p.PrefixLen == 0 {
			p.PrefixLen = 32
			if s.ipv6 {
				p.PrefixLen = 128
			}
		}
		out.Persistence = &p
	}
	for j, b := range s.backends {
		at := source(atBackend, i, j)
		tunnel := b.tunnel
		if tunnel.Type != "" {
			tunnel.Source = at
		}
		out.Backends = append(out.Backends, plans.Backend{
			Address: b.address, Port: b.port, Weight: b.weight, Forwarding: b.forwarding, Tunnel: tunnel,
			UpperThreshold: b.upper, LowerThreshold: b.lower, Source: at,
		})
	}
	return out
}

// tunnelKey is what of a tunnel can be compared.
type tunnelKey struct {
	typ      string
	port     uint16
	checksum string
}

func keyOf(t plans.Tunnel) tunnelKey { return tunnelKey{t.Type, t.Port, t.Checksum} }

func (k tunnelKey) tunnel() plans.Tunnel {
	if k.typ == "" {
		return plans.Tunnel{Type: plans.TunnelIPIP, Checksum: plans.ChecksumNone}
	}
	return plans.Tunnel{Type: k.typ, Port: k.port, Checksum: k.checksum}
}

// judge drops what plans.Validate refuses.
func (d *draft) judge(c *plans.Cluster) (dropped bool, err error) {
	services, backends, daemons := map[int]string{}, map[[2]int]string{}, map[int]string{}
	for _, diag := range plans.Validate(c) {
		if diag.Severity != plans.Error {
			continue
		}
		i, j := diag.Subject.Start.Line, diag.Subject.Start.Column
		switch diag.Subject.File {
		case atService:
			services[i] = diag.Summary
		case atBackend:
			backends[[2]int{i, j}] = diag.Summary
		case atSync:
			daemons[i] = diag.Summary
		default:
			d.fail(Place{File: d.opts.File}, "cannot make a plan of it: %s", diag.Summary)
		}
	}
	if len(d.errors) > 0 {
		return false, d.errors
	}
	var kept []*service
	for i, s := range d.services {
		if why := services[i]; why != "" {
			d.end = append(append(d.end, s.all()...), warn(s.at, "service %s is left out, a plan cannot say it: %s", s.key(), why))
			continue
		}
		var left []*backend
		for j, b := range s.backends {
			if why := backends[[2]int{i, j}]; why != "" {
				s.endNotes = append(append(s.endNotes, b.notes...), warn(b.at, "real server %s is left out, a plan cannot say it: %s", b.endpoint(), why))
				continue
			}
			left = append(left, b)
		}
		s.backends = left
		kept = append(kept, s)
	}
	d.services = kept
	for i, why := range daemons {
		d.ipvs = append(d.ipvs, warn(Place{File: d.opts.File}, "the %s sync daemon is left out, a plan cannot say it: %s", c.IPVS.Sync[i].Role, why))
	}
	var sync []plans.SyncDaemon
	for i, one := range d.sync {
		if daemons[i] == "" {
			sync = append(sync, one)
		}
	}
	d.sync = sync
	return len(services)+len(backends)+len(daemons) > 0, nil
}

// all gives the notes about the service and its backends.
func (s *service) all() []note {
	notes := slices.Clone(s.notes)
	for _, b := range s.backends {
		notes = append(notes, b.notes...)
	}
	return append(notes, s.endNotes...)
}

// clearSources takes away the places that were only for judge.
func clearSources(c *plans.Cluster) {
	for i := range c.IPVS.Sync {
		c.IPVS.Sync[i].Source = nil
	}
	for i := range c.Services {
		s := &c.Services[i]
		s.Source = nil
		if s.Persistence != nil {
			s.Persistence.Source = nil
		}
		for j := range s.Backends {
			s.Backends[j].Source, s.Backends[j].Tunnel.Source = nil, nil
		}
	}
}

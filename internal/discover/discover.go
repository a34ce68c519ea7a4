package discover

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/importer"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// search is a discovery under way.
type search struct {
	hosts    []Host
	compare  Compare
	director *Host
	cluster  *plans.Cluster
	remarks  []string // for the plan's head; warnings, too
	comments plans.Comments
	warnings []string
}

// Make makes a plan of the hosts, in their order. The cluster gets that name.
func Make(name string, hosts []Host, compare Compare) (*Result, error) {
	s := &search{hosts: hosts, compare: compare}
	if err := s.services(name); err != nil {
		return nil, err
	}
	if err := s.machines(); err != nil {
		return nil, err
	}
	s.join()
	if err := s.judge(); err != nil {
		return nil, err
	}
	first, err := s.settle()
	if err != nil {
		return nil, err
	}
	s.comments.Head = append([]string{"Discovered on " + names(hosts) + "."}, s.remarks...)
	return &Result{Cluster: s.cluster, Comments: s.comments, Warnings: append(s.warnings, s.remarks...), First: first}, nil
}

func names(hosts []Host) string {
	var all []string
	for _, h := range hosts {
		all = append(all, h.Name)
	}
	return strings.Join(all, ", ")
}

// remark says something in the plan and to the person.
func (s *search) remark(format string, args ...any) {
	s.remarks = append(s.remarks, fmt.Sprintf(format, args...))
}

// services finds the director and takes its table over.
func (s *search) services(name string) error {
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.Table == nil || len(h.Table.Services) == 0 {
			continue
		}
		if s.director != nil {
			return fmt.Errorf("cannot make one plan of %s and %s: both have virtual services, and a cluster has one director; discover each cluster by itself", s.director.Name, h.Name)
		}
		s.director = h
	}
	if s.director == nil {
		return fmt.Errorf("cannot find a virtual service on %s: name the director, too; for a cluster that is not there yet, lvsup init asks what it needs", names(s.hosts))
	}
	table := s.director.Table
	found, err := importer.IPVSAdm([]byte(table.Saved), importer.Options{File: s.director.Name, Director: s.director.Name, Cluster: name})
	if err != nil {
		return fmt.Errorf("cannot read the table of %s: %w", s.director.Name, err)
	}
	s.cluster = found.Cluster
	s.comments = plans.Comments{IPVS: found.Comments.IPVS, Services: found.Comments.Services, End: found.Comments.End}
	for _, w := range found.Warnings {
		s.warnings = append(s.warnings, w.String())
	}
	for _, lost := range table.Lost {
		s.remark("%s: the plan does not say %s.", s.director.Name, lost)
	}
	if t := table.Timeouts; t != nil && t.TCP == 900 && t.TCPFin == 120 && t.UDP == 300 {
		s.cluster.IPVS.Timeouts = plans.Timeouts{} // what a kernel begins with (ip_vs_proto_tcp.c, ip_vs_proto_udp.c)
	}
	for i := range s.cluster.Services {
		s.cluster.Services[i].KeepVIP = true
	}
	return nil
}

// machines finds which interfaces of the hosts are as a plan would have them.
func (s *search) machines() error {
	found, err := s.interfaces()
	if err != nil {
		return err
	}
	s.cluster.Hosts = nil
	for _, h := range s.hosts {
		host := plans.Host{Name: h.Name, Role: plans.RoleHost, Interfaces: found[h.Name]}
		switch {
		case h.Name == s.director.Name:
			host.Role = plans.RoleDirector
		case len(host.Interfaces) == 0:
			s.remark("%s is not in the plan: none of its interfaces has an address that lvsup would keep as it is.", h.Name)
			continue
		case s.isBackend(&host):
			host.Role = plans.RoleRealServer
		}
		s.cluster.Hosts = append(s.cluster.Hosts, host)
	}
	// The director first, as people write plans.
	slices.SortStableFunc(s.cluster.Hosts, func(a, b plans.Host) int { return rank(a.Role) - rank(b.Role) })
	return nil
}

func rank(r plans.Role) int {
	return slices.Index([]plans.Role{plans.RoleDirector, plans.RoleRealServer, plans.RoleHost}, r)
}

// isBackend reports whether the director sends requests to the host.
func (s *search) isBackend(h *plans.Host) bool {
	for _, v := range s.cluster.Services {
		for _, b := range v.Backends {
			if has(h, b.Address) {
				return true
			}
		}
	}
	return false
}

func has(h *plans.Host, a netip.Addr) bool {
	return slices.ContainsFunc(h.Interfaces, func(i plans.Interface) bool { return i.Has(a) })
}

// join names the hosts of backends, so that lvsup sees to them.
func (s *search) join() {
	for i := range s.cluster.Services {
		for j := range s.cluster.Services[i].Backends {
			b := &s.cluster.Services[i].Backends[j]
			for k := range s.cluster.Hosts {
				if h := &s.cluster.Hosts[k]; h.Role == plans.RoleRealServer && has(h, b.Address) {
					b.Host = h.Name
				}
			}
		}
	}
}

// judge has the plan language look at it. Where the hosts are no cluster by its
// rules, the backends are addresses only, which lvsup leaves alone.
func (s *search) judge() error {
	wrong := mistake(s.cluster)
	if wrong == "" {
		return nil
	}
	s.remark("The real servers are only addresses here, and lvsup leaves them alone: as hosts of the plan, it would say: %s.", wrong)
	for i := range s.cluster.Services {
		s.cluster.Services[i].KeepVIP = false
		for j := range s.cluster.Services[i].Backends {
			s.cluster.Services[i].Backends[j].Host = ""
		}
	}
	for i := range s.cluster.Hosts {
		if s.cluster.Hosts[i].Role == plans.RoleRealServer {
			s.cluster.Hosts[i].Role = plans.RoleHost
		}
	}
	if wrong = mistake(s.cluster); wrong != "" {
		return fmt.Errorf("cannot make a plan of %s: %s", names(s.hosts), wrong)
	}
	return nil
}

func mistake(c *plans.Cluster) string {
	for _, d := range plans.Validate(c) {
		if d.Severity == plans.Error {
			return d.Summary
		}
	}
	return ""
}

// settle asks what the plan would change, and puts into it what lvsup keeps on the
// hosts already and would take away otherwise.
func (s *search) settle() (*plans.Plan, error) {
	first, err := s.compare(s.cluster)
	if err != nil {
		return nil, err
	}
	if adds(first, "vip") > 0 {
		s.persist(plans.PersistNative)
		native, err := s.compare(s.cluster)
		if err != nil {
			return nil, err
		}
		if adds(native, "vip") == 0 {
			first = native
		} else {
			s.persist(plans.PersistRCLocal)
		}
	}
	if !s.keep(first) {
		return first, nil
	}
	return s.compare(s.cluster)
}

func (s *search) persist(how string) {
	for i := range s.cluster.Services {
		s.cluster.Services[i].Persist = how
	}
}

// adds counts what the plan would make or change in one kind.
func adds(p *plans.Plan, kind string) int {
	n := 0
	for i := range p.Hosts {
		k, _ := p.Hosts[i].Kind(kind)
		for _, c := range k.Changes {
			if changes(c) {
				n++
			}
		}
	}
	return n
}

func changes(c step.Change) bool { return c.Action == step.Create || c.Action == step.Update }

// keep takes over what a plan before has made: packages, pages, kernel parameters.
func (s *search) keep(p *plans.Plan) bool {
	more := false
	for _, hp := range p.Hosts {
		i := slices.IndexFunc(s.cluster.Hosts, func(h plans.Host) bool { return h.Name == hp.Host })
		h := &s.cluster.Hosts[i]
		for _, k := range hp.Kinds {
			for _, c := range k.Changes {
				if c.Action != step.Delete && c.Action != step.Restore {
					continue
				}
				switch {
				case k.Kind == "packages":
					h.Packages = append(h.Packages, c.Key)
				case k.Kind == "httpd" && c.Field == step.ContentField:
					h.HTTPD = &plans.HTTPD{Index: strings.TrimSuffix(c.From, "\n")}
				case k.Kind == "sysctl" && c.Field == "live":
					if h.Sysctls == nil {
						h.Sysctls = map[string]string{}
					}
					h.Sysctls[c.Key] = c.From
				default:
					continue
				}
				more = true
			}
		}
		if h.HTTPD != nil {
			h.Packages = slices.DeleteFunc(h.Packages, func(name string) bool { return name == "apache2" || name == "httpd" })
		}
	}
	return more
}

package discover

import (
	"net/netip"
	"slices"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// candidate is an interface that may be in the plan.
type candidate struct {
	forms []plans.Interface // from the one that says most
}

// interfaces gives each host's interfaces that are, now and for the next boot, as
// the plan says.
func (s *search) interfaces() (map[string][]plans.Interface, error) {
	open := map[string][]candidate{}
	most := 0
	for _, h := range s.hosts {
		open[h.Name] = s.candidates(h)
		most = max(most, len(open[h.Name]))
	}
	found := map[string][]plans.Interface{}
	for n := range most { // the n-th interface of every host at a time
		done := map[string]bool{}
		for form := 0; ; form++ {
			try := &plans.Cluster{Name: s.cluster.Name, TimeSync: s.cluster.TimeSync, Firewall: plans.PolicyUnmanaged, SELinux: plans.PolicyUnmanaged, IPVS: plans.IPVS{Drain: plans.DefaultDrain}}
			for _, h := range s.hosts {
				if n < len(open[h.Name]) && !done[h.Name] && form < len(open[h.Name][n].forms) {
					try.Hosts = append(try.Hosts, plans.Host{Name: h.Name, Role: plans.RoleHost, Interfaces: open[h.Name][n].forms[form : form+1]})
				}
			}
			if len(try.Hosts) == 0 {
				break
			}
			p, err := s.compare(try)
			if err != nil {
				return nil, err
			}
			for i, h := range try.Hosts {
				if untouched(p, h.Name) {
					found[h.Name] = append(found[h.Name], try.Hosts[i].Interfaces[0])
					done[h.Name] = true
				}
			}
		}
		for _, h := range s.hosts {
			if n < len(open[h.Name]) && !done[h.Name] {
				i := open[h.Name][n].forms[0]
				s.remark("%s: %s with %s is left alone: its address is not kept in a file as lvsup would keep it. An interface block makes it static.", h.Name, i.Name, i.Address)
			}
		}
	}
	return found, nil
}

// untouched reports whether a plan would leave the host's interfaces as they are.
// What it would take away is what an earlier plan has made.
func untouched(p *plans.Plan, host string) bool {
	for i := range p.Hosts {
		if p.Hosts[i].Host != host {
			continue
		}
		k, _ := p.Hosts[i].Kind("address")
		for _, c := range k.Changes {
			if changes(c) || c.Blocked != "" && !c.Action.Removes() {
				return false
			}
		}
		return k.Error == ""
	}
	return false // it was not looked at
}

// candidates are the host's interfaces with addresses, each in the forms that the
// plan could give it: with name servers and routes, without the one, without both.
func (s *search) candidates(h Host) []candidate {
	var all []candidate
	for _, card := range h.Facts.Interfaces {
		i := plans.Interface{Name: card.Name}
		for _, text := range card.Addresses {
			p, err := netip.ParsePrefix(text)
			if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() || p.IsSingleIP() && s.isVIP(p.Addr()) {
				continue
			}
			if !i.Address.IsValid() {
				i.Address = p
				continue
			}
			i.Addresses = append(i.Addresses, p)
		}
		if card.Name == "lo" || !i.Address.IsValid() {
			continue
		}
		routes(&i, h.Facts.Routes)
		full, servers := i, nameservers(h.Facts.DNS)
		full.DNS = servers
		forms := []plans.Interface{full}
		if len(servers) > 0 {
			forms = append(forms, i)
		}
		if len(i.Routes) > 0 {
			bare := full
			bare.Routes = nil
			forms = append(forms, bare)
			if len(servers) > 0 {
				bare.DNS = nil
				forms = append(forms, bare)
			}
		}
		all = append(all, candidate{forms})
	}
	return all
}

func (s *search) isVIP(a netip.Addr) bool {
	return slices.ContainsFunc(s.cluster.Services, func(v plans.VirtualService) bool { return v.Address == a })
}

// routes gives the interface its gateways, and the routes through other routers.
func routes(i *plans.Interface, all []wire.Route) {
	for _, r := range all {
		to, err := netip.ParsePrefix(r.Destination)
		via, bad := netip.ParseAddr(r.Gateway)
		if err != nil || bad != nil || r.Interface != i.Name {
			continue
		}
		switch {
		case to.Bits() > 0:
			i.Routes = append(i.Routes, plans.Route{To: to.Masked(), Via: via})
		case via.Is6() == i.Address.Addr().Is6():
			i.Gateway = via
		case via.Is6():
			i.Gateway6 = via
		}
	}
}

// nameservers reads those that are not on the host itself.
func nameservers(texts []string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsLoopback() && a.Zone() == "" {
			all = append(all, a)
		}
	}
	return all
}

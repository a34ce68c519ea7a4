package graph

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/drift"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// State is how something was found.
type State int

// The states, from that of a picture of the plan alone to the worst.
const (
	Planned State = iota // nobody looked
	Unseen               // it is not lvsup's to look at
	Well                 // as planned
	Drifted              // it differs from the plan
	Broken               // it could not be reached, or not be looked at whole
)

// Health is a state, and why.
type Health struct {
	State State
	Short string   // "3 differences"
	Long  []string // each difference, each error
}

// aside is the health at the end of a sentence.
func (h Health) aside() string {
	if h.Short == "" {
		return ""
	}
	return ", " + h.Short
}

// Show puts into the picture what a drift check of the same cluster found.
func (p *Picture) Show(c *plans.Cluster, found drift.Cluster, at time.Time) {
	p.Seen, p.Trouble = at, found.Errors
	health := map[string]Health{}
	changes := map[string][]string{} // by the key of a service or a backend
	for i := range found.Hosts {
		h := &found.Hosts[i]
		health[h.Name] = healthOf(h)
		for _, k := range h.Kinds {
			for _, d := range k.Changes {
				if k.Name == "ipvs" {
					changes[d.Key] = append(changes[d.Key], d.String())
				}
			}
		}
	}
	see := func(nodes []Node) {
		for i := range nodes {
			nodes[i].Health = health[nodes[i].Name]
			if nodes[i].Foreign {
				nodes[i].Health = Health{State: Unseen, Short: "not looked at"}
			}
		}
	}
	see(p.Directors)
	see(p.Others)
	for i := range p.Pools {
		see(p.Pools[i].Nodes)
	}
	p.showServices(c, changes)
}

// showServices marks the services that differ on the director, and those of which
// a backend does.
func (p *Picture) showServices(c *plans.Cluster, changes map[string][]string) {
	looked := len(p.Directors) > 0
	for _, d := range p.Directors {
		looked = looked && d.State != Broken
	}
	for _, v := range p.VIPs {
		for at, i := range v.Services {
			s := &v.services[at]
			key := keyOf(&c.Services[i])
			var long []string
			for k, texts := range changes {
				if k == key || strings.HasPrefix(k, key+" -> ") {
					long = append(long, texts...)
				}
			}
			switch {
			case len(long) > 0:
				s.Health = Health{Drifted, view.Plural(len(long), "difference"), slices.Sorted(slices.Values(long))}
			case looked:
				s.Health = Health{State: Well, Short: "as planned"}
			default:
				s.Health = Health{State: Unseen, Short: "not looked at"}
			}
		}
	}
}

// keyOf is what a drift check calls the service.
func keyOf(s *plans.VirtualService) string {
	if s.FWMark != 0 {
		k := ipvs.ServiceKey{Address: netip.IPv4Unspecified(), FWMark: s.FWMark}
		if s.Is6() {
			k.Address = netip.IPv6Unspecified()
		}
		return k.String()
	}
	return strings.ToUpper(s.Protocol) + " " + netip.AddrPortFrom(s.Address, s.Port).String()
}

func healthOf(h *drift.Host) Health {
	var long []string
	for _, k := range h.Kinds {
		for _, d := range k.Changes {
			long = append(long, k.Name+": "+d.String())
		}
	}
	switch n := len(long); {
	case !h.Looked:
		return Health{Broken, "not reached", h.Errors}
	case len(h.Errors) > 0 && n > 0:
		return Health{Broken, view.Plural(n, "difference") + ", " + view.Plural(len(h.Errors), "error"), append(long, h.Errors...)}
	case len(h.Errors) > 0:
		return Health{Broken, view.Plural(len(h.Errors), "error"), h.Errors}
	case n > 0:
		return Health{Drifted, view.Plural(n, "difference"), long}
	}
	return Health{State: Well, Short: "as planned"}
}

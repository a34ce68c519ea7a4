package checks

import (
	"fmt"
	"slices"

	"github.com/lvsup/lvsup/internal/report"
)

// backendSilent is a symptom: it stands alone only where no cause was found.
func backendSilent() Check {
	return Check{
		Code: "backend-silent", Title: "a real server does not answer the director, and no cause was found",
		Mistake: "every real server answers by its RIP before the director sends it anything",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			all, doors := f.Cluster.Directors(), f.doors()
			var found []Found
			for _, d := range f.Direct {
				if d.Error == "" || len(all) == 0 || slices.ContainsFunc(doors, func(x door) bool { return x.onlyVIP(d) }) {
					continue
				}
				one := Found{Host: d.Host, About: []string{all[0].Name}, Seen: fmt.Sprintf("%s does not answer %s: %s", d.Address, all[0].Name, d.Error)}
				if one.Host == "" {
					one.Host = all[0].Name
				}
				one.Fixes = []report.Fix{advice("", "lvsup cannot see into that machine: look at its service, its firewall and its gateway")}
				if d.Host != "" {
					one.Fixes = []report.Fix{advice(d.Host, "watch the packets there (tcpdump), and on both ends of its wire")}
				}
				found = append(found, one)
			}
			return found
		},
	}
}

// onlyVIP reports whether the backend listens on the VIP and not on the RIP,
// which is all that dr and tun need.
func (d door) onlyVIP(asked Direct) bool {
	all, _ := d.listening()
	byRIP := d
	byRIP.address = asked.Address.Addr()
	return d.host.Name == asked.Host && d.port == asked.Address.Port() &&
		slices.ContainsFunc(all, d.takenBy) && !slices.ContainsFunc(all, byRIP.takenBy)
}

// serviceSilent is a symptom: it stands alone only where no cause was found.
func serviceSilent() Check {
	return Check{
		Code: "service-silent", Title: "requests to a VIP get no answer, and no cause was found",
		Mistake: "every request through the VIP is answered",
		Find: func(f *Facts) []Found {
			all := f.Cluster.Directors()
			if f.Client == nil || len(all) == 0 {
				return nil
			}
			var found []Found
			for _, a := range f.Client.Asked {
				if a.Answered == a.Requests {
					continue
				}
				about := []string{f.Client.Name}
				for i := range f.Cluster.Services {
					if s := &f.Cluster.Services[i]; s.Name == a.Service {
						about = append(about, backendHosts(s)...)
					}
				}
				found = append(found, Found{
					Host: all[0].Name, About: about,
					Seen:  fmt.Sprintf("%d of %d requests of %s to %s were answered (%s)", a.Answered, a.Requests, f.Client.Name, a.Address, a.Error),
					Fixes: []report.Fix{advice("", "`lvsup status` shows where the connections stand; watch the packets (tcpdump) on the real server that has them")},
				})
			}
			return found
		},
	}
}

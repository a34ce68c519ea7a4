package checks

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// TestFaults breaks a well cluster in one way each; that is told, alone, whatever
// follows from it.
func TestFaults(t *testing.T) {
	const nat, dr, tun = plans.ForwardNAT, plans.ForwardDR, plans.ForwardTUN
	for _, tc := range []struct {
		code  string
		host  string
		seen  string
		fix   string
		early string // the hosts that an apply would hold, "stop", "note" or ""
		way   plans.Forwarding
		fault func(*Facts)
	}{
		{"clock-skew", "node1", "off by +5s", "node1: set the host's clock", "", nat, func(f *Facts) {
			f.change("node1", func(h *Host) { h.Offset.Value = 5 * time.Second })
		}},
		{"link-down", "node1", "ens33 is down", "lvsup apply p.hcl", "", dr, func(f *Facts) {
			f.link("node1", "ens33", func(l *wire.PathLink) { l.Up = false })
			f.way("node1", "192.168.140.1", func(w *wire.Lookup) { w.Error = "network is unreachable" })
			f.ARP = append(f.ARP, ARP{Host: "master", Address: ip("192.168.140.20")})
			f.silent(true)
		}},
		{"link-down", "master", "ens33 has no carrier", "master: plug in", "", dr, func(f *Facts) {
			f.link("master", "ens33", func(l *wire.PathLink) { l.Carrier = false })
			f.ARP = []ARP{{Host: "client", Address: ip("192.168.140.100")}, {Host: "master", Address: ip("192.168.140.20")}}
			f.silent(true)
		}},
		{"vip-prefix", "node1", "all of 192.168.140.0/24 is the host itself", "ip addr del 192.168.140.100/24 dev lo", "node1", dr, func(f *Facts) {
			f.link("node1", "lo", func(l *wire.PathLink) { l.Addresses = []string{"192.168.140.100/24"} })
			f.ARP = append(f.ARP, ARP{Host: "master", Address: ip("192.168.140.20")})
			f.way("node1", "192.168.140.1", func(w *wire.Lookup) { w.Local = true })
			f.silent(true)
		}},
		{"address-missing", "node2", "ens33 has 192.168.140.31/24, not 192.168.140.30/24", "lvsup apply p.hcl", "", dr, func(f *Facts) {
			f.link("node2", "ens33", func(l *wire.PathLink) { l.Addresses = []string{"192.168.140.31/24"} })
			f.silent(true)
			f.Direct[0], f.Direct[1] = Direct{}, Direct{Host: "node2", Address: f.Direct[1].Address, Error: "no answer in time"}
		}},
		{"duplicate-address", "node1", "also answered for by node2", "ip addr del 192.168.140.20/24 dev ens33", "node1", dr, func(f *Facts) {
			f.link("node2", "ens33", func(l *wire.PathLink) { l.Addresses = append(l.Addresses, "192.168.140.20/24") })
			f.ARP = append(f.ARP, ARP{Host: "node1", Address: ip("192.168.140.20"), MACs: []string{node2MAC}})
			f.silent(false)
		}},
		{"wrong-wire", "node1", "nobody answers master's ARP for it on ens33", "plug ens33 (" + node1MAC + ")", "", dr, func(f *Facts) {
			f.ARP = append(f.ARP, ARP{Host: "master", Address: ip("192.168.140.20")})
			f.silent(true)
		}},
		{"service-missing", "master", "TCP 192.168.146.100:80 is not in the table", "lvsup apply p.hcl", "", nat, func(f *Facts) {
			f.Table.Services = nil
			f.silent(false)
		}},
		{"backend-missing", "master", "has no backend 192.168.177.10", "lvsup apply p.hcl", "", nat, func(f *Facts) {
			f.Table.Services[0].Backends = f.Table.Services[0].Backends[1:]
		}},
		{"weight-zero", "master", "192.168.177.10 with weight 0, the plan has 1", "lvsup apply p.hcl", "", nat, func(f *Facts) {
			f.Table.Services[0].Backends[0].Weight = 0
		}},
		{"wrong-forwarding", "master", "sends to 192.168.177.10 by dr, the plan says nat", "lvsup apply p.hcl", "", nat, func(f *Facts) {
			f.Table.Services[0].Backends[0].Forwarding = "dr"
			f.silent(false)
		}},
		{"port-ignored", "master", "192.168.140.20 at port 8080", "lvsup apply p.hcl", "", dr, func(f *Facts) {
			f.Table.Services[0].Backends[0].Port = 8080
			f.silent(false)
		}},
		{"vip-missing", "node1", "no interface has 192.168.140.100", "lvsup apply p.hcl", "", tun, func(f *Facts) {
			f.link("node1", "lo", func(l *wire.PathLink) { l.Addresses = nil })
			f.silent(false)
		}},
		{"vip-missing", "master", "no interface has 192.168.140.100", "lvsup apply p.hcl", "", dr, func(f *Facts) {
			f.link("master", "lo", func(l *wire.PathLink) { l.Addresses = nil })
			f.ARP[0].MACs = nil
			f.silent(false)
		}},
		{"vip-elsewhere", "master", "a machine outside the plan (" + strangerMAC + ")", "take 192.168.140.100 from it", "stop", dr, func(f *Facts) {
			f.ARP[0].MACs = append(f.ARP[0].MACs, strangerMAC)
			f.silent(false)
		}},
		{"vip-elsewhere", "master", "also answered for by node2", "ip addr del 192.168.146.100/24 dev ens33", "stop", nat, func(f *Facts) {
			f.link("node2", "ens33", func(l *wire.PathLink) { l.Addresses = append(l.Addresses, "192.168.146.100/24") })
			f.ARP[0].MACs = append(f.ARP[0].MACs, node2MAC)
		}},
		{"vip-on-wire", "node1", "192.168.140.100/24 is on ens33", "ip addr del 192.168.140.100/24 dev ens33", "node1", dr, func(f *Facts) {
			f.link("node1", "lo", func(l *wire.PathLink) { l.Addresses = nil })
			f.link("node1", "ens33", func(l *wire.PathLink) { l.Addresses = append(l.Addresses, "192.168.140.100/24") })
			f.ARP[0].MACs = append(f.ARP[0].MACs, node1MAC)
		}},
		{"arp-ignore", "node1", "arp_ignore of ens33 is 0 while lo has the VIP 192.168.140.100, and " + node1MAC + " answers", "lvsup apply p.hcl", "node1", dr, func(f *Facts) {
			f.link("node1", "ens33", func(l *wire.PathLink) { l.ARPIgnore, l.ARPAnnounce = 0, 0 })
			f.ARP[0].MACs = append(f.ARP[0].MACs, node1MAC)
			f.silent(false)
		}},
		{"arp-announce", "node2", "arp_announce of ens33 is 1", "lvsup apply p.hcl", "node2", tun, func(f *Facts) {
			f.link("node2", "ens33", func(l *wire.PathLink) { l.ARPAnnounce = 1 })
		}},
		{"no-route", "master", "no way to 192.168.177.10: network is unreachable", "lvsup apply p.hcl", "node1", nat, func(f *Facts) {
			f.way("master", "192.168.177.10", func(w *wire.Lookup) { w.Error = "network is unreachable" })
			f.silent(true)
		}},
		{"not-on-link", "master", "its way to 192.168.140.20 leads through 192.168.140.2 on ens33", "master: `ip route get", "node1", dr, func(f *Facts) {
			f.way("master", "192.168.140.20", func(w *wire.Lookup) { w.Gateway = "192.168.140.2" })
			f.silent(false)
		}},
		{"no-forwarding", "master", "net.ipv4.ip_forward is 0", "lvsup apply p.hcl", "stop", nat, func(f *Facts) {
			f.change("master", func(h *Host) { h.Path.ForwardsIPv4 = false })
			f.silent(false)
		}},
		{"nat-gateway", "node1", "its answers to 192.168.146.1 go to 192.168.177.1 on ens33, not to the DIP 192.168.177.254", "lvsup apply p.hcl", "node1", nat, func(f *Facts) {
			f.way("node1", "192.168.146.1", func(w *wire.Lookup) { w.Gateway = "192.168.177.1" })
			f.silent(false)
		}},
		{"nat-gateway", "node1", "it has no way to 192.168.146.1; the DIP is 192.168.177.254", "ip route replace default via 192.168.177.254", "node1", nat, func(f *Facts) {
			f.way("node1", "192.168.146.1", func(w *wire.Lookup) { w.Gateway, w.Error = "", "network is unreachable" })
			f.Cluster.Hosts[1].Interfaces[0].Gateway = netip.Addr{}
			f.silent(false)
		}},
		{"client-beside", "client", "it asks as 192.168.177.50, which node1 answers directly on ens33", "client: move the client", "", nat, func(f *Facts) {
			f.Client.Path.Routes[0].Source = "192.168.177.50"
			for name := range f.Hosts {
				f.routes(name)
			}
			f.silent(false)
		}},
		{"dr-gateway", "node1", "its gateway 192.168.140.10 is the director", "node1: make the router", "", dr, func(f *Facts) {
			f.way("node1", far().String(), func(w *wire.Lookup) { w.Gateway = "192.168.140.10" })
		}},
		{"tunnel-down", "node1", "tunl0 is down", "lvsup apply p.hcl", "node1", tun, func(f *Facts) {
			f.link("node1", "tunl0", func(l *wire.PathLink) { l.Up, l.RPFilter = false, 1 })
			f.silent(false)
		}},
		{"rp-filter", "node1", "rp_filter of tunl0 is 1", "lvsup apply p.hcl", "node1", tun, func(f *Facts) {
			f.link("node1", "tunl0", func(l *wire.PathLink) { l.RPFilter = 1 })
			f.silent(false)
		}},
		{"rp-filter", "node1", "rp_filter of ens33 is 1, and answers to 192.168.140.1 leave by ens37", "sysctl -w net.ipv4.conf.ens33.rp_filter=2", "node1", dr, func(f *Facts) {
			f.link("node1", "ens33", func(l *wire.PathLink) { l.RPFilter = 1 })
			f.way("node1", "192.168.140.1", func(w *wire.Lookup) { w.Interface = "ens37" })
			f.silent(false)
		}},
		{"rp-filter", "master", "rp_filter of ens33 is 1, and its way to 192.168.140.1 leads by ens37", "sysctl -w net.ipv4.conf.ens33.rp_filter=2", "stop", dr, func(f *Facts) {
			f.link("master", "ens33", func(l *wire.PathLink) { l.RPFilter = 1 })
			f.way("master", "192.168.140.1", func(w *wire.Lookup) { w.Interface = "ens37" })
			f.silent(false)
		}},
		{"tun-mtu", "node1", "ens33 takes 1400 bytes; the largest requests come in packets of 1420 (1400 and 20 of wrapping)", "ip link set ens33 mtu 1500", "note", tun, func(f *Facts) {
			f.link("node1", "ens33", func(l *wire.PathLink) { l.MTU = 1400 })
		}},
		{"tun-mtu", "master", "its way to 192.168.140.20 takes 1400 bytes; the largest requests need 1500", "tunnel { mss = 1340 }", "note", tun, func(f *Facts) {
			f.way("master", "192.168.140.20", func(w *wire.Lookup) { w.MTU = 1400 })
		}},
		{"not-listening", "node1", "nothing listens on 80/tcp; it listens on 22, 8080", "lvsup apply p.hcl", "note", nat, func(f *Facts) {
			f.change("node1", func(h *Host) {
				h.Path.Listeners = []wire.Listener{{Protocol: "tcp", Address: "::", Port: 8080}, {Protocol: "tcp", Address: "::", Port: 22}}
			})
			f.silent(true)
		}},
		{"listens-elsewhere", "node1", "80/tcp listens on 127.0.0.1, requests are for 192.168.177.10", "node1: have it listen on every address", "note", nat, func(f *Facts) {
			f.change("node1", func(h *Host) {
				h.Path.Listeners = []wire.Listener{{Protocol: "tcp", Address: "127.0.0.1", Port: 80}}
			})
			f.silent(true)
		}},
		{"listens-elsewhere", "node1", "80/tcp listens on 192.168.140.20, requests are for 192.168.140.100", "node1: have it listen on every address", "note", dr, func(f *Facts) {
			f.change("node1", func(h *Host) {
				h.Path.Listeners = []wire.Listener{{Protocol: "tcp", Address: "192.168.140.20", Port: 80}}
			})
			f.silent(false)
		}},
		{"firewall-server", "node1", "what comes in on 80/tcp for 192.168.140.100 is dropped: -P INPUT DROP", "iptables -P INPUT ACCEPT", "note", dr, func(f *Facts) {
			f.wall("node1", "input", "tcp", "-P INPUT DROP", "iptables -P INPUT ACCEPT")
			f.silent(true)
		}},
		{"firewall-server", "node1", "what comes in on protocol 4 for 192.168.140.20 is dropped", "iptables -P INPUT ACCEPT", "note", tun, func(f *Facts) {
			f.wall("node1", "input", "4", "-P INPUT DROP", "iptables -P INPUT ACCEPT")
			f.silent(false)
		}},
		{"firewall-director", "master", "what comes in on 80/tcp for 192.168.140.100 is dropped: -A INPUT -j DROP", "lvsup apply p.hcl", "note", dr, func(f *Facts) {
			f.wall("master", "input", "tcp", "-A INPUT -j DROP", "iptables -D INPUT -j DROP")
			f.change("master", func(h *Host) { h.Facts.Firewall.Active = []string{"firewalld"} })
			f.silent(false)
		}},
		{"forward-drop", "master", "answers of 192.168.177.10 from 80/tcp are dropped: -P FORWARD DROP", "iptables -P FORWARD ACCEPT", "note", nat, func(f *Facts) {
			f.wall("master", "forward", "tcp", "-P FORWARD DROP", "iptables -P FORWARD ACCEPT")
			f.silent(false)
		}},
		{"vip-macs", "master", "nobody answers client for 192.168.140.100", "lvsup plan", "", dr, func(f *Facts) {
			f.ARP[0].MACs = nil
			f.silent(false)
		}},
		{"backend-silent", "node1", "192.168.140.20:80 does not answer master: no answer in time", "node1: watch the packets", "", dr, func(f *Facts) {
			f.silent(true)
		}},
		{"service-silent", "master", "2 of 4 requests of client to 192.168.140.100:80 were answered (no answer in time)", "lvsup status", "", dr, func(f *Facts) {
			f.silent(false)
		}},
	} {
		t.Run(tc.code+" "+tc.host+" "+string(tc.way), func(t *testing.T) {
			f := cluster(tc.way)
			tc.fault(f)
			found := Run(All(), f)
			if len(found) != 1 || found[0].Code != tc.code || !slices.Equal(found[0].Hosts, []string{tc.host}) {
				t.Fatalf("found %+v", found)
			}
			if seen := strings.Join(found[0].Seen, "\n"); !strings.Contains(seen, tc.seen) {
				t.Errorf("seen %q, want %q", seen, tc.seen)
			}
			if fixes := fixText(found[0].Fixes); !strings.Contains(fixes, tc.fix) {
				t.Errorf("fixes %q, want %q", fixes, tc.fix)
			}
			if broken := f.Client.Asked[0].Answered < 4; broken && tc.code != "service-silent" && len(found[0].Follows) == 0 {
				t.Error("it does not say that requests stay without an answer")
			}
			if got := held(Early(f)); got != tc.early {
				t.Errorf("an apply would hold %q, want %q", got, tc.early)
			}
		})
	}
}

// wall has a host's firewall drop what it is asked about there.
func (f *Facts) wall(host, hook, protocol, rule, undo string) {
	h, _ := f.Cluster.Host(host)
	for _, p := range Questions(f, h).Packets {
		if p.Hook == hook && p.Protocol == protocol {
			f.change(host, func(h *Host) {
				h.Path.Verdicts = append(slices.Clone(h.Path.Verdicts), wire.Verdict{Packet: p, Rule: rule, Undo: undo})
			})
		}
	}
}

func fixText(fixes []report.Fix) string {
	var all []string
	for _, x := range fixes {
		text := x.Command + x.Text
		if x.Host != "" && x.Text != "" {
			text = x.Host + ": " + text
		}
		all = append(all, text)
	}
	return strings.Join(all, "\n")
}

func held(faults []Fault) string {
	var all []string
	for _, x := range faults {
		switch {
		case !x.Holds:
			all = add(all, "note")
		case len(x.Backends) == 0:
			all = add(all, "stop")
		default:
			all = add(all, strings.Join(x.Backends, ","))
		}
	}
	return strings.Join(all, " ")
}

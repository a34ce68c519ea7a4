package plans

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step/address"
	"github.com/lvsup/lvsup/internal/step/boot"
	"github.com/lvsup/lvsup/internal/step/firewall"
	"github.com/lvsup/lvsup/internal/step/httpd"
	"github.com/lvsup/lvsup/internal/step/packages"
	"github.com/lvsup/lvsup/internal/step/selinux"
	"github.com/lvsup/lvsup/internal/step/sysctl"
	"github.com/lvsup/lvsup/internal/step/vip"
	"github.com/lvsup/lvsup/internal/wire"
)

// Expand turns a cluster into what each host must have, by host name: one
// Desired per kind that the plan asks something of, in KindOrder. hold names
// hosts that failed earlier in a run: as backends they are neither added nor
// removed.
func Expand(c *Cluster, hold map[string]bool) (map[string][]wire.Desired, error) {
	all := make(map[string][]wire.Desired, len(c.Hosts))
	for i := range c.Hosts {
		h := &c.Hosts[i]
		wants := map[string]any{
			"packages": wantPackages(h),
			"firewall": wantFirewall(c, h),
			"selinux":  wantSELinux(c),
			"address":  wantAddress(h),
			"sysctl":   wantSysctl(c, h),
			"vip":      wantVIP(c, h),
			"tunnel":   wantTunnel(c, h),
			"mangle":   wantMangle(c, h),
			"httpd":    wantHTTPD(h),
			"ipvs":     wantIPVS(c, h, hold),
		}
		if wants["tunnel"] != nil || wants["mangle"] != nil || c.keepsIPVS(h) {
			wants["boot"] = boot.Desired{Restore: true}
		}
		for _, kind := range KindOrder() {
			if wants[kind] == nil {
				continue
			}
			raw, err := json.Marshal(wants[kind])
			if err != nil {
				return nil, fmt.Errorf("cannot encode %s of %s: %w", kind, h.Name, err)
			}
			all[h.Name] = append(all[h.Name], wire.Desired{Kind: kind, Want: raw})
		}
	}
	return all, nil
}

func wantPackages(h *Host) any {
	if len(h.Packages) == 0 && h.HTTPD == nil {
		return nil
	}
	return packages.Desired{Packages: h.Packages, Apache: h.HTTPD != nil}
}

func wantFirewall(c *Cluster, h *Host) any {
	if c.Firewall == "" || c.Firewall == PolicyUnmanaged {
		return nil
	}
	want := firewall.Desired{Policy: string(c.Firewall), Ports: Ports(c, h)}
	if c.Firewall == PolicyOpen {
		want.Answers = Answers(c, h)
		want.Tracked = len(want.Answers) > 0 && Tracks(c, h)
	}
	return want
}

func wantSELinux(c *Cluster) any {
	if c.SELinux == "" || c.SELinux == PolicyUnmanaged {
		return nil
	}
	return selinux.Desired{Policy: string(c.SELinux)}
}

func wantAddress(h *Host) any {
	if len(h.Interfaces) == 0 {
		return nil
	}
	want := address.Desired{Network: h.Network}
	for _, i := range h.Interfaces {
		iface := address.Interface{Name: i.Name, Address: i.Address.String(), Ifcfg: i.Ifcfg}
		if i.Gateway.IsValid() {
			iface.Gateway = i.Gateway.String()
		}
		for _, d := range i.DNS {
			iface.DNS = append(iface.DNS, d.String())
		}
		iface.Further = wantFurther(&i)
		want.Interfaces = append(want.Interfaces, iface)
	}
	return want
}

func wantFurther(i *Interface) netconf.Further {
	further := netconf.Further{MTU: i.MTU}
	for _, p := range i.Addresses {
		further.Addresses = append(further.Addresses, p.String())
	}
	if i.Gateway6.IsValid() {
		further.Gateway6 = i.Gateway6.String()
	}
	if i.VLAN != nil {
		further.VLAN = &netconf.VLAN{ID: i.VLAN.ID, Link: i.VLAN.Link}
	}
	if b := i.Bond; b != nil {
		further.Bond = &netconf.Bond{
			Mode: b.Mode, Members: b.Members, MIIMon: int(b.MIIMon.Milliseconds()),
			Primary: b.Primary, LACPRate: b.LACPRate, XmitHashPolicy: b.XmitHashPolicy,
		}
	}
	for _, r := range i.Routes {
		route := netconf.RouteText{To: r.To.String(), Metric: r.Metric}
		if r.Via.IsValid() {
			route.Via = r.Via.String()
		}
		further.Routes = append(further.Routes, route)
	}
	return further
}

func wantSysctl(c *Cluster, h *Host) any {
	settings := c.neededSysctls(h)
	if c.Firewall == PolicyOpen && Tracks(c, h) {
		settings[vsConntrack] = "1"
	}
	maps.Copy(settings, h.Sysctls)
	if len(settings) == 0 {
		return nil
	}
	return sysctl.Desired{Settings: settings}
}

// neededSysctls are the parameters without which the services do not work: a NAT
// director drops what it should hand on, and a real server that has the VIP would
// answer ARP for it.
func (c *Cluster) neededSysctls(h *Host) map[string]string {
	needed := map[string]string{}
	for i := range c.Services {
		s := &c.Services[i]
		if h.Role == RoleDirector && s.forwards("", ForwardNAT) {
			if s.Is6() {
				needed["net.ipv6.conf.all.forwarding"] = "1"
			} else {
				needed["net.ipv4.ip_forward"] = "1"
			}
		}
		if s.forwards(h.Name, ForwardDR, ForwardTUN) {
			needed["net.ipv4.conf.all.arp_ignore"] = "1"
			needed["net.ipv4.conf.all.arp_announce"] = "2"
		}
	}
	return needed
}

func wantVIP(c *Cluster, h *Host) any {
	var want vip.Desired
	seen := map[netip.Addr]bool{}
	for i := range c.Services {
		s := &c.Services[i]
		needs := h.Role == RoleDirector || s.forwards(h.Name, ForwardDR, ForwardTUN)
		if !needs || !s.KeepVIP || !s.Address.IsValid() || seen[s.Address] || h.declares(s.Address) {
			continue
		}
		seen[s.Address] = true
		v := vip.VIP{
			Address:   netip.PrefixFrom(s.Address, s.Address.BitLen()).String(),
			Interface: h.vipInterface(s.Address),
			Native:    s.Persist == PersistNative,
		}
		want.VIPs = append(want.VIPs, v)
		if v.Native {
			want.Network, want.Cards = h.Network, h.cards()
		}
	}
	if len(want.VIPs) == 0 {
		return nil
	}
	return want
}

// cards are the names of the interfaces, and of those that bonds are made of.
func (h *Host) cards() []string {
	var names []string
	for _, i := range h.Interfaces {
		names = append(names, i.Name)
		if i.Bond != nil {
			names = append(names, i.Bond.Members...)
		}
	}
	return names
}

// vipInterface is where the host gets a VIP: lo, except for an IPv6 VIP on the
// director. An IPv4 host answers ARP for the addresses of all its interfaces,
// but neighbour solicitations only for those of the interface that they come in
// on (ndisc_recv_ns in net/ipv6/ndisc.c).
func (h *Host) vipInterface(a netip.Addr) string {
	if h.Role == RoleDirector && a.Is6() {
		for _, i := range h.Interfaces {
			if i.with(a).IsValid() {
				return i.Name
			}
		}
	}
	return "lo"
}

// declares reports whether an interface of the plan has the address already.
func (h *Host) declares(a netip.Addr) bool {
	return slices.ContainsFunc(h.Interfaces, func(i Interface) bool { return i.Has(a) })
}

func wantHTTPD(h *Host) any {
	if h.HTTPD == nil {
		return nil
	}
	return httpd.Desired{Index: h.HTTPD.Index}
}

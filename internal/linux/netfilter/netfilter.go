// Package netfilter reads which firewall service is active on a host and
// whether its rules drop what they do not know. It changes nothing: it loads no
// module and creates no table.
package netfilter

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/kmod"
	"github.com/lvsup/lvsup/internal/linux/service"
)

// Firewall is a firewall service that lvsup knows.
type Firewall struct {
	Name string // as wire.FirewallFacts names it
	Unit string // systemd unit
}

// Firewalls are those that lvsup knows, in the order it lists them. Two units
// stand for plain iptables: RHEL's iptables-services and Debian's
// iptables-persistent.
func Firewalls() []Firewall {
	return []Firewall{
		{"firewalld", "firewalld.service"},
		{"ufw", "ufw.service"},
		{"nftables", "nftables.service"},
		{"iptables", "iptables.service"},
		{"iptables", "netfilter-persistent.service"},
	}
}

// Active lists the firewalls that are switched on now.
func Active(ctx context.Context, h host.Host) ([]Firewall, error) {
	all := Firewalls()
	units := make([]string, len(all))
	for i, f := range all {
		units[i] = f.Unit
	}
	states, err := service.States(ctx, h, units...)
	if err != nil {
		return nil, err
	}
	var active []Firewall
	for i, f := range all {
		if states[i].Active == "active" && (f.Name != "ufw" || UFWEnabled(h)) {
			active = append(active, f)
		}
	}
	return active, nil
}

// UFWEnabled reports whether ufw filters at all. Its unit is active on every
// host that has the package; ENABLED in /etc/ufw/ufw.conf decides (ufw(8)).
func UFWEnabled(h host.Host) bool {
	conf, err := os.ReadFile(h.Path("/etc/ufw/ufw.conf"))
	if err != nil {
		return false
	}
	enabled := false
	for line := range strings.Lines(string(conf)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "ENABLED="); ok {
			enabled = strings.EqualFold(strings.Trim(v, `"'`), "yes")
		}
	}
	return enabled
}

// Drops reports whether an input or forward chain drops or rejects what no
// rule accepts, as far as the tools on the host can show it: nft(8) for
// nf_tables, iptables-save(8) for the older tables.
func Drops(ctx context.Context, h host.Host) bool {
	nft, filter := rules(ctx, h)
	return nftDrops(nft) || slices.ContainsFunc(filter, iptablesDrops)
}

// Refused lists those of the ports, such as "80/tcp", "8000-8010/udp", or "4/ip" for
// an IP protocol, that no rule accepts by number while what no rule accepts is
// dropped on its way in. A rule that matches the destination port, alone, in a list
// or in a range, and accepts counts as one, whatever else it asks for: whoever wrote
// it has thought of the port.
func Refused(ctx context.Context, h host.Host, ports []string) []string {
	chains := chains(ctx, h)
	var refused []string
	for _, port := range ports {
		closed := slices.ContainsFunc(chains, func(c Chain) bool { return c.Hook == "input" && c.Closed(port) })
		if closed && !slices.ContainsFunc(chains, func(c Chain) bool { return c.accepts(port) }) {
			refused = append(refused, port)
		}
	}
	return refused
}

// RefusesAnswers reports whether what nobody asked for is dropped on its way
// through the host; known is as for Chain.ClosedToAnswers.
func RefusesAnswers(ctx context.Context, h host.Host, known bool) bool {
	return slices.ContainsFunc(chains(ctx, h), func(c Chain) bool { return c.Hook == "forward" && c.ClosedToAnswers(known) })
}

func chains(ctx context.Context, h host.Host) []Chain {
	nft, filter := rules(ctx, h)
	none := func(string) bool { return false }
	all := NFTChains(nft, none)
	for _, save := range filter {
		all = append(all, Table{Save: save}.Chains(none)...)
	}
	return all
}

// asksNFT reports whether there may be nftables rules to see. Asking for them would load
// nf_tables; while it is not loaded it has none. Another root than the machine's is a
// test's, whose rules the kernel does not have.
func asksNFT(h host.Host) bool {
	return (kmod.Loaded(h, "nf_tables") || !kmod.OnDisk(h, kmod.Release(h), "nf_tables")) && (h.Root != "/" || hasTables())
}

// rules are the nftables rules as JSON, empty if there are none to see, and the
// filter tables that iptables made, as iptables-save prints them.
func rules(ctx context.Context, h host.Host) (nft string, filter []string) {
	if asksNFT(h) {
		if res, err := h.Run(ctx, "nft", "-j", "list", "ruleset"); err == nil && res.Code == 0 {
			nft = res.Stdout
		}
	}
	for _, ip := range []string{"ip", "ip6"} {
		// The kernel lists here the tables that iptables has made so far.
		tables, err := os.ReadFile(h.Path("/proc/net/" + ip + "_tables_names"))
		if err != nil || !strings.Contains("\n"+string(tables), "\nfilter\n") {
			continue
		}
		for _, tool := range []string{ip + "tables-legacy-save", ip + "tables-save"} {
			res, err := h.Run(ctx, tool, "-t", "filter")
			if err == nil && res.Code == 0 {
				filter = append(filter, res.Stdout)
				break
			}
		}
	}
	return nft, filter
}

package firewall

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/netfilter"
	"github.com/lvsup/lvsup/internal/step"
)

// files are where services read their rules at boot, by family; the first that is
// there counts. For nft one file has every family.
func files(keeper, family string) []string {
	six := family == "ip6"
	switch {
	case keeper == nftables:
		return []string{"/etc/sysconfig/nftables.conf", "/etc/nftables.conf"}
	case keeper == ufw && six:
		return []string{"/etc/ufw/before6.rules"}
	case keeper == ufw:
		return []string{"/etc/ufw/before.rules"}
	case keeper == persistent && six:
		return []string{"/etc/iptables/rules.v6"}
	case keeper == persistent:
		return []string{"/etc/iptables/rules.v4"}
	case six:
		return []string{"/etc/sysconfig/ip6tables", "/etc/iptables/ip6tables.rules"}
	}
	return []string{"/etc/sysconfig/iptables", "/etc/iptables/iptables.rules"}
}

// file is the keeper's file and what is in it; empty if there is none.
func (w worker) file(keeper, family string) (name, text string, err error) {
	for _, name := range files(keeper, family) {
		data, there, err := atomicfile.Read(w.host.Path(name))
		if err != nil || there {
			return name, string(data), err
		}
	}
	return "", "", nil
}

// mine reports whether a line or comment is lvsup's.
func mine(text string) bool { return strings.HasPrefix(text, comment) }

func mineInLine(line string) bool { return strings.Contains(line, `--comment "`+comment) }

// observeWalls looks at the chains of the services that load rules which
// somebody wrote, and at the rules that lvsup put there. It gives the services
// whose rules it has found the origin of.
func (w worker) observeWalls(ctx context.Context, want Desired, owned step.Owned, have *Observed) (known []string, err error) {
	keepers := map[string]bool{} // to look at
	for _, s := range have.Services {
		keepers[s.Name] = s.Active && want.Policy == Open
	}
	for id := range owned {
		if d, ok := parseDoor(id.Field); ok && d.chain != "" {
			keepers[id.Key] = true
		}
	}
	if keepers[nftables] {
		found, err := w.observeNFT(ctx, want, owned, have)
		if err != nil {
			return nil, err
		}
		if found {
			known = append(known, nftables)
		}
	}
	if !keepers[ufw] && !keepers[persistent] && !keepers[iptables] {
		return known, nil
	}
	tables := netfilter.FilterTables(ctx, w.host)
	for _, keeper := range []string{ufw, persistent, iptables} {
		if !keepers[keeper] {
			continue
		}
		found, err := w.observeIPTables(keeper, tables, want, owned, have)
		if err != nil {
			return nil, err
		}
		if found {
			known = append(known, keeper)
		}
	}
	return known, nil
}

// see adds a wall, and those doors in it that lvsup has opened.
func (have *Observed) see(wall Wall, want Desired, owned step.Owned, open func(door) bool) {
	have.Walls = append(have.Walls, wall)
	doors := wall.doors(want)
	for id := range owned {
		if d, ok := parseDoor(id.Field); ok && id.Key == wall.Keeper && d.chain == wall.Chain && d.when == wall.When {
			doors[d.port] = d
		}
	}
	for _, d := range doors {
		if open(d) {
			have.Ports[d.id(wall.Keeper)] = portOpen
		}
	}
}

// closed are the needs that do not get through the chain.
func closed(c netfilter.Chain, want Desired) []string {
	var all []string
	for _, n := range want.needs() {
		if n.from.IsValid() && c.ClosedToAnswers(want.Tracked) || !n.from.IsValid() && c.Closed(n.port) {
			all = append(all, n.String())
		}
	}
	return all
}

func (w worker) observeIPTables(keeper string, tables []netfilter.Table, want Desired, owned step.Owned, have *Observed) (found bool, err error) {
	for _, t := range tables {
		name, text, err := w.file(keeper, t.Family)
		if err != nil {
			return found, err
		}
		if name == "" {
			continue
		}
		found = true
		have.Files[keeper+" "+t.Family], have.Tools[t.Family] = name, t.Tool
		for _, c := range t.Chains(mineInLine) {
			chain := c.Name
			if keeper == ufw {
				chain = map[string]string{"ip": "ufw-before-", "ip6": "ufw6-before-"}[t.Family] + c.Hook
				if !strings.Contains(t.Save, ":"+chain+" ") {
					continue
				}
			}
			wall := Wall{Keeper: keeper, Chain: t.Family + "/" + chain, Hook: c.Hook, When: live, Closed: closed(c, want)}
			have.see(wall, want, owned, func(d door) bool { return d.has(t.Save) })
			wall.When = boot
			if keeper != ufw {
				wall.Closed = nil
				if b := atBoot(text, c.Name); b != nil {
					wall.Closed = closed(*b, want)
				}
			}
			have.see(wall, want, owned, func(d door) bool { return d.has(text) })
		}
	}
	return found, nil
}

// atBoot is the chain as the file makes it; nil if the file does not name it.
func atBoot(text, name string) *netfilter.Chain {
	_, section, _ := strings.Cut("\n"+text, "\n*filter")
	section, _, _ = strings.Cut(section, "\nCOMMIT")
	for _, c := range (netfilter.Table{Tool: iptables, Save: section}).Chains(mineInLine) {
		if c.Name == name {
			return &c
		}
	}
	return nil
}

func (w worker) observeNFT(ctx context.Context, want Desired, owned step.Owned, have *Observed) (found bool, err error) {
	name, text, err := w.file(nftables, "")
	if err != nil || name == "" {
		return false, err
	}
	now, err := w.run(ctx, "nft", "-j", "list", "ruleset")
	if err != nil {
		return false, err
	}
	have.Files[nftables+" inet"], have.Files[nftables+" ip"], have.Files[nftables+" ip6"] = name, name, name
	chains := netfilter.NFTChains(now, mine)
	next, byHand := chains, ""
	if loaded, err := w.run(ctx, loadAtBoot(name)...); err != nil {
		byHand = fmt.Sprintf("lvsup cannot tell what %s makes at boot (%v)", name, err)
	} else {
		next = netfilter.NFTChains(loaded, mine)
	}
	path := func(c netfilter.Chain) string { return c.Family + "/" + c.Table + "/" + c.Name }
	for _, c := range next {
		wall := Wall{Keeper: nftables, Chain: path(c), Hook: c.Hook, When: boot, Closed: closed(c, want), ByHand: byHand}
		have.see(wall, want, owned, func(d door) bool { return d.has(text) })
	}
	others := slices.ContainsFunc(have.Services, func(s Service) bool { return s.Active && s.Name != nftables })
	for _, c := range chains {
		if !slices.ContainsFunc(next, func(n netfilter.Chain) bool { return path(n) == path(c) }) {
			if c.Hook == "input" && !others {
				have.Refused[nftables] = sortedSet(append(have.Refused[nftables], closed(c, want)...))
			}
			continue // another program's
		}
		wall := Wall{Keeper: nftables, Chain: path(c), Hook: c.Hook, When: live, Closed: closed(c, want)}
		have.see(wall, want, owned, func(d door) bool { return len(handles(now, d)) > 0 })
	}
	return len(next) > 0, nil
}

// loadAtBoot shows what the file makes of an empty rule set: nft loads it in a
// network namespace that ends with the command.
func loadAtBoot(name string) []string {
	return []string{"unshare", "--net", "sh", "-c", `nft -f "$0" && nft -j list ruleset`, name}
}

// handles are those of the door's rules in what nft -j list ruleset printed.
func handles(out string, d door) []int {
	var all []int
	for r := range netfilter.NFTRules(out) {
		if r.Chain == d.chain && r.Comment == comment+d.port {
			all = append(all, r.Handle)
		}
	}
	return all
}

// openWall opens or closes a door in a wall.
func (w worker) openWall(ctx context.Context, keeper string, d door, open bool) error {
	n, err := parseNeed(d.port)
	if err != nil {
		return err
	}
	family, chain, _ := strings.Cut(d.chain, "/")
	switch {
	case d.when == boot:
		return w.edit(keeper, family, d, open)
	case d.nft() && open:
		_, err = w.run(ctx, "nft", d.line())
		return err
	case d.nft():
		return w.deleteNFT(ctx, d)
	}
	for _, t := range netfilter.FilterTables(ctx, w.host) {
		if t.Family != family {
			continue
		}
		if open {
			_, err = w.run(ctx, append([]string{t.Tool, "-w", "-I", chain}, n.iptables()...)...)
			return err
		}
		number := 0
		var mine []int
		for line := range strings.Lines(t.Save) {
			if strings.HasPrefix(line, "-A "+chain+" ") {
				number++
				if d.owns(line) {
					mine = append(mine, number)
				}
			}
		}
		slices.Reverse(mine) // the numbers of later ones change
		for _, number := range mine {
			if _, err := w.run(ctx, t.Tool, "-w", "-D", chain, fmt.Sprint(number)); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("cannot read the rules of %s: %s-save fails", keeper, family+"tables")
}

func (w worker) deleteNFT(ctx context.Context, d door) error {
	now, err := w.run(ctx, "nft", "-j", "list", "ruleset")
	if err != nil {
		return err
	}
	for _, handle := range handles(now, d) {
		if _, err := w.run(ctx, "nft", fmt.Sprintf("delete rule %s handle %d", strings.ReplaceAll(d.chain, "/", " "), handle)); err != nil {
			return err
		}
	}
	return nil
}

// edit writes the door's line to the keeper's file, or takes it out.
func (w worker) edit(keeper, family string, d door, open bool) error {
	name, text, err := w.file(keeper, family)
	if err != nil || name == "" && !open {
		return err
	}
	if name == "" {
		return fmt.Errorf("cannot open %s at boot: %s is gone", d.port, files(keeper, family)[0])
	}
	edited, ok := d.edit(text, open)
	if !ok {
		return fmt.Errorf("cannot open %s at boot: %s has no table filter; add one, or write policy = \"unmanaged\"", d.port, name)
	}
	info, err := os.Stat(w.host.Path(name))
	if err != nil {
		return err
	}
	return atomicfile.Write(w.host.Path(name), []byte(edited), info.Mode().Perm())
}

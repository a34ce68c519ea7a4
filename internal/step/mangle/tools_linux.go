package mangle

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/kmod"
	"github.com/lvsup/lvsup/internal/linux/netfilter"
)

// tool is a way to make rules that the host has.
type tool struct {
	name     string
	nfTables bool // speaks to the kernel's nf_tables, not to its older tables
}

// tools lists those that are installed.
func (k kind) tools(ctx context.Context) ([]tool, error) {
	var all []tool
	if k.installed(nft) {
		all = append(all, tool{nft, true})
	}
	legacy := false
	if k.installed(iptables) {
		res, err := k.host.Run(ctx, iptables, "-V")
		if err == nil {
			err = res.Err(iptables, "-V")
		}
		if err != nil {
			return nil, err
		}
		// "iptables v1.8.9 (nf_tables)", "iptables v1.8.9 (legacy)", "iptables v1.4.21"
		nfTables := strings.Contains(res.Stdout, "nf_tables")
		legacy = !nfTables
		all = append(all, tool{iptables, nfTables})
	}
	if !legacy && k.installed(iptablesLegacy) {
		all = append(all, tool{iptablesLegacy, false})
	}
	return all, nil
}

func (k kind) installed(name string) bool {
	for _, dir := range []string{"/usr/sbin/", "/sbin/", "/usr/bin/", "/bin/", "/usr/local/sbin/", "/usr/local/bin/"} {
		if info, err := os.Stat(k.host.Path(dir + name)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return true
		}
		// A link whose target is absolute leads out of another root.
		if _, err := os.Readlink(k.host.Path(dir + name)); err == nil {
			return true
		}
	}
	return false
}

// choose takes the tool that has made lvsup's rules so far, else the one that
// the host's firewall uses, else the first that works.
func (k kind) choose(ctx context.Context, tools []tool, mine []found) (name, missing string) {
	for _, f := range mine {
		if slices.ContainsFunc(tools, func(t tool) bool { return t.name == f.tool }) {
			return f.tool, ""
		}
	}
	if len(tools) == 0 {
		return "", `this host has neither nft nor iptables to make the rule with: write packages = ["nftables"] for it in the plan`
	}
	var why []error
	for _, name := range k.preference(ctx) {
		i := slices.IndexFunc(tools, func(t tool) bool { return t.name == name })
		if i < 0 {
			continue
		}
		err := k.works(ctx, tools[i])
		if err == nil {
			return name, ""
		}
		why = append(why, fmt.Errorf("%s: %w", name, err))
	}
	return "", "neither nft nor iptables works with the running kernel: " + strings.ReplaceAll(errors.Join(why...).Error(), "\n", "; ")
}

// preference orders the tools by what the host uses.
func (k kind) preference(ctx context.Context) []string {
	// Without systemd there is no service to go by.
	active, _ := netfilter.Active(ctx, k.host)
	for _, f := range active {
		switch f.Name {
		case "iptables", "ufw":
			return []string{iptables, iptablesLegacy, nft}
		case "nftables", "firewalld":
			return []string{nft, iptables, iptablesLegacy}
		}
	}
	if k.legacyTables(false) != "" {
		return []string{iptablesLegacy, iptables, nft}
	}
	return []string{nft, iptables, iptablesLegacy}
}

// works says why the kernel would not take the tool's rules.
func (k kind) works(ctx context.Context, t tool) error {
	if t.nfTables {
		return k.supportsIP()
	}
	if hasWord(k.legacyTables(false), "mangle") {
		return nil
	}
	return kmod.Loadable(ctx, k.host, kmod.Release(k.host), "iptable_mangle")
}

// legacyTables lists the kernel's older tables that are in use, a line each. It
// would be a write to ask iptables: that makes the table.
func (k kind) legacyTables(ipv6 bool) string {
	name := "/proc/net/ip_tables_names"
	if ipv6 {
		name = "/proc/net/ip6_tables_names"
	}
	names, err := os.ReadFile(k.host.Path(name))
	if err != nil {
		return "" // the module is not loaded
	}
	return string(names)
}

func hasWord(text, word string) bool { return slices.Contains(strings.Fields(text), word) }

// list finds lvsup's rules, whichever tool made them. others counts the rules of
// somebody else in lvsup's own table.
func (k kind) list(ctx context.Context, tools []tool) (mine []found, others int, err error) {
	nfTables := kmod.Loaded(k.host, "nf_tables") || !kmod.OnDisk(k.host, kmod.Release(k.host), "nf_tables")
	for _, t := range tools {
		if t.name == nft && nfTables {
			rules, n, err := k.listNFT(ctx)
			if err != nil {
				return nil, 0, err
			}
			mine, others = append(mine, rules...), n
		}
		if t.name == nft {
			continue
		}
		for _, ipv6 := range []bool{false, true} {
			name := family(t.name, ipv6)
			if t.nfTables && !nfTables || !t.nfTables && !hasWord(k.legacyTables(ipv6), "mangle") || !k.installed(name) {
				continue
			}
			out, err := k.run(ctx, name, "-w", "-t", "mangle", "-S")
			if err != nil {
				return nil, 0, fmt.Errorf("cannot list the rules: %w", err)
			}
			mine = append(mine, parseIPTables(t.name, out, ipv6)...)
		}
	}
	return mine, others, nil
}

func (k kind) listNFT(ctx context.Context) ([]found, int, error) {
	argv := append([]string{"nft", "-j", "list", "table"}, strings.Fields(table)...)
	res, err := k.host.Run(ctx, argv...)
	if err == nil && res.Code != 0 && strings.Contains(res.Stderr, "No such file or directory") {
		return nil, 0, nil
	}
	if err == nil {
		err = res.Err(argv...)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot list the rules: %w", err)
	}
	return parseNFT(res.Stdout)
}

// run runs a command that must succeed.
func (k kind) run(ctx context.Context, argv ...string) (string, error) {
	res, err := k.host.Run(ctx, argv...)
	if err != nil {
		return "", err
	}
	return res.Stdout, res.Err(argv...)
}

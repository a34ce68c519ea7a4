package coordinator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/coordinator/checks"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// minFree is the disk space a host must have before lvsup changes anything, in
// bytes: room for the record, a few files and the agent.
const minFree = 16 << 20

// Checks of one host that find what a kind would trip over.
const (
	checkInterface = "interface" // the host lacks one
	checkIPVS      = "ipvs"      // the kernel lacks it
)

// check judges the facts of all hosts. It only reads.
func (r *Run) check(ctx context.Context, p *plans.Plan) []plans.Finding {
	hosts := r.healthy()
	facts := map[string]wire.Facts{}
	offsets := map[string]checks.Offset{}
	for _, name := range hosts {
		facts[name] = r.session(name).facts
		offsets[name] = r.session(name).offset
	}
	var findings []plans.Finding
	findings = append(findings, checks.Clocks(r.opts.Cluster.TimeSync, offsets)...)
	walls := r.askWalls(ctx, facts)
	for _, name := range hosts {
		h, _ := r.opts.Cluster.Host(name)
		findings = append(findings, checkHost(r.opts.Cluster, h, facts[name])...)
		findings = append(findings, checkFirewall(r.opts.Cluster, h, facts[name].Firewall, walls[name])...)
	}
	for _, h := range p.Hosts {
		findings = append(findings, checkRemovals(h, facts[h.Host])...)
	}
	findings = append(findings, checkSameMachine(hosts, facts)...)
	if len(r.failedHosts()) == 0 {
		findings = append(findings, r.linkFindings(ctx)...)
	}
	return findings
}

// noRoom says how little room a host has, if that is too little.
func noRoom(f wire.Facts) error {
	if f.FreeBytes >= minFree {
		return nil
	}
	return fmt.Errorf("no space left: %d KiB are free where lvsup keeps its data, it wants %d", f.FreeBytes>>10, minFree>>10)
}

func checkHost(c *plans.Cluster, h *plans.Host, f wire.Facts) []plans.Finding {
	var findings []plans.Finding
	add := func(severity plans.Severity, check, summary, detail string) {
		findings = append(findings, plans.Finding{Severity: severity, Host: h.Name, Check: check, Summary: summary, Detail: detail})
	}
	if !f.Root {
		add(plans.Error, "privilege", "the agent does not run as root", `log in as root, or set become = true in the plan's connection block`)
	}
	if err := noRoom(f); err != nil {
		add(plans.Error, "disk", err.Error(), "make room on the file system of /var/lib")
	}
	if h.Role == plans.RoleDirector && len(c.Services) > 0 && !f.IPVS.Available {
		add(plans.Error, checkIPVS, "its kernel has no IPVS: "+f.IPVS.Reason, "") // the reason says the way out
	}
	for _, i := range h.Interfaces {
		names, at := []string{i.Name}, i.Source.At("")
		switch { // lvsup makes it, of what is below
		case i.VLAN != nil && h.Makes(i.VLAN.Link):
			names = nil
		case i.VLAN != nil:
			names, at = []string{i.VLAN.Link}, i.VLAN.Source.At("link")
		case i.Bond != nil:
			names, at = i.Bond.Members, i.Bond.Source.At("members")
		}
		for _, name := range names {
			if !slices.ContainsFunc(f.Interfaces, func(l wire.Interface) bool { return l.Name == name }) {
				add(plans.Error, checkInterface, fmt.Sprintf("it has no interface %s (%s)", name, at), "it has "+interfaceList(f.Interfaces))
			}
		}
	}
	if f.SELinux == "enforcing" && unmanaged(c.SELinux) && h.Role == plans.RoleDirector {
		add(plans.Warning, "selinux", "SELinux is enforcing and may deny loading ip_vs at boot", `selinux { policy = "permissive" } would only log, policy = "enforcing" says that it is to be so`)
	}
	if port, ok := unlabelledPort(c, h, f); ok {
		add(plans.Warning, "selinux", fmt.Sprintf("under SELinux, Apache may not listen on %d/tcp", port),
			fmt.Sprintf("if it is Apache or nginx that serves it: semanage port -a -t http_port_t -p tcp %d (package policycoreutils-python-utils)", port))
	}
	return findings
}

// expireNodest says what becomes of packets for a backend that was deleted.
const expireNodest = "net.ipv4.vs.expire_nodest_conn"

// checkRemovals looks at backends that go from services that stay. A client
// that takes a port again whose last connection was to such a backend, and which
// IPVS still remembers, waits until it is forgotten: up to two minutes.
func checkRemovals(h plans.HostPlan, f wire.Facts) []plans.Finding {
	if f.Sysctls[expireNodest] != "0" {
		return nil
	}
	var table []step.Change
	for _, k := range h.Kinds {
		for _, c := range k.Changes {
			if k.Kind == "sysctl" && c.Key == expireNodest && c.To == "1" {
				return nil
			}
		}
		if k.Kind == "ipvs" {
			table = k.Changes
		}
	}
	for _, c := range table {
		service, _, backend := strings.Cut(c.Key, " -> ")
		if c.Action != step.Delete || !backend {
			continue
		}
		if !slices.ContainsFunc(table, func(o step.Change) bool { return o.Action == step.Delete && o.Key == service }) {
			return []plans.Finding{{
				Severity: plans.Warning, Host: h.Host, Check: "removal",
				Summary: "clients that use a port again within two minutes of a connection to a removed backend wait in vain",
				Detail:  "sysctl = { \"" + expireNodest + "\" = 1 } on the director gives them another backend",
			}}
		}
	}
	return nil
}

func unmanaged(p plans.Policy) bool { return p == "" || p == plans.PolicyUnmanaged }

func interfaceList(all []wire.Interface) string {
	var names []string
	for _, i := range all {
		state := "down"
		if i.Up {
			state = "up"
		}
		if i.MAC == "" {
			names = append(names, fmt.Sprintf("%s (%s)", i.Name, state))
			continue
		}
		names = append(names, fmt.Sprintf("%s (%s, %s)", i.Name, i.MAC, state))
	}
	return strings.Join(names, ", ")
}

// checkSameMachine finds two hosts of the plan that are one machine, as when
// two names resolve to one address.
func checkSameMachine(hosts []string, facts map[string]wire.Facts) []plans.Finding {
	first := map[string]string{}
	var findings []plans.Finding
	for _, name := range hosts {
		boot := facts[name].BootID
		if boot == "" {
			continue
		}
		if other, ok := first[boot]; ok {
			findings = append(findings, plans.Finding{
				Severity: plans.Error, Host: name, Check: "identity",
				Summary: fmt.Sprintf("it is the same machine as %s (one boot id)", other),
				Detail:  "give each host its own HostName in ssh_config, or connection { host = ... } in the plan",
			})
			continue
		}
		first[boot] = name
	}
	return findings
}

// onLink finds the live interface of a host whose network holds the address.
func onLink(f wire.Facts, a netip.Addr) (string, bool) {
	for _, i := range f.Interfaces {
		if !i.Up || i.Name == "lo" {
			continue
		}
		for _, s := range i.Addresses {
			if p, err := netip.ParsePrefix(s); err == nil && p.Bits() < p.Addr().BitLen() && p.Masked().Contains(a) {
				return i.Name, true
			}
		}
	}
	return "", false
}

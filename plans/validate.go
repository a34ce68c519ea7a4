package plans

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/hostkey"
)

// Validate says what is wrong with a cluster: mistakes that no host needs to be
// asked about. Every diagnostic points into the plan (through the Source of what
// it is about) and says what to write instead. The result is sorted by place.
//
// Addresses that are zero are taken for mistakes that the loader has reported,
// and nothing more is said about them.
func Validate(c *Cluster) []Diagnostic {
	v := &validator{cluster: c}
	v.checkCluster()
	v.checkHosts()
	v.checkAddresses()
	v.checkServices()
	v.checkIPVS()
	slices.SortStableFunc(v.diags, func(a, b Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Subject.File, b.Subject.File),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			cmp.Compare(a.Summary, b.Summary),
			cmp.Compare(a.Detail, b.Detail),
		)
	})
	return slices.Compact(v.diags)
}

type validator struct {
	cluster *Cluster
	diags   []Diagnostic
}

func (v *validator) errorAt(at Range, summary, detail string) {
	v.diags = append(v.diags, Diagnostic{Severity: Error, Summary: summary, Detail: detail, Subject: at})
}

func (v *validator) warnAt(at Range, summary, detail string) {
	v.diags = append(v.diags, Diagnostic{Severity: Warning, Summary: summary, Detail: detail, Subject: at})
}

// oneOf reports a word that is none of those allowed.
func (v *validator) oneOf(at Range, what, word string, allowed ...string) {
	if slices.Contains(allowed, word) {
		return
	}
	shown := word
	if len(shown) > 60 {
		shown = strings.ToValidUTF8(shown[:60], "") + "..."
	}
	v.errorAt(at, fmt.Sprintf("Unknown %s %q", what, shown), didYouMean(word, allowed)+"Allowed: "+strings.Join(allowed, ", ")+".")
}

func didYouMean(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("Did you mean %q? ", near)
	}
	return ""
}

// element is where an element of a list or map stood, or else the whole.
func element(s Source, list, key string) Range {
	if r, ok := s[list+"."+key]; ok {
		return r
	}
	return s.At(list)
}

// The clock differences that make sense as a bound: less than a millisecond
// cannot be measured over SSH, and more than an hour bounds nothing.
const (
	minOffset = time.Millisecond
	maxOffset = time.Hour
)

func (v *validator) checkCluster() {
	c := v.cluster
	if named(c.Source, c.Name) && !validName(c.Name) {
		v.errorAt(c.Source.At("name"), fmt.Sprintf("Invalid cluster name %q", c.Name), nameRule)
	}
	if c.Forwarding != "" {
		v.oneOf(c.Source.At("forwarding"), "forwarding", string(c.Forwarding), forwardings()...)
	}
	v.oneOf(c.Source.At("firewall"), "firewall policy", string(c.Firewall),
		string(PolicyUnmanaged), string(PolicyOpen), string(PolicyDisabled))
	v.oneOf(c.Source.At("selinux"), "selinux policy", string(c.SELinux),
		string(PolicyUnmanaged), string(PolicyEnforcing), string(PolicyPermissive), string(PolicyDisabled))
	if d := c.TimeSync.MaxOffset; d < minOffset || d > maxOffset {
		v.errorAt(c.TimeSync.Source.At("max_offset"), fmt.Sprintf("A max_offset of %s makes no sense", d),
			"Clocks can be compared to about a millisecond over SSH; choose from 1ms to 1h, for example \"500ms\".")
	}
	v.checkConnection(c.Connection, Connection{})
	if len(c.Hosts) == 0 {
		v.errorAt(c.Source.At(""), "The plan has no hosts",
			"Describe the machines of the cluster: a director block, and a real_server block for each real server.")
	}
}

func forwardings() []string {
	return []string{string(ForwardNAT), string(ForwardDR), string(ForwardTUN)}
}

// checkConnection looks at what goes to ssh as an argument, except at what c
// has from base, which is looked at by itself.
func (v *validator) checkConnection(c, base Connection) {
	if c.Host != base.Host && !validEndpoint(c.Host) {
		v.errorAt(c.Source.At("host"), fmt.Sprintf("Invalid host to dial %q", c.Host),
			"Write a name or an address, such as \"192.168.140.10\". The user goes into user and the port into port.")
	}
	if c.User != base.User && !validUser(c.User) {
		v.errorAt(c.Source.At("user"), fmt.Sprintf("Invalid user name %q", c.User), "Write the login name only, such as \"root\".")
	}
	if c.Port != base.Port && (c.Port < 1 || c.Port > 65535) {
		v.errorAt(c.Source.At("port"), fmt.Sprintf("Invalid port %d", c.Port), "Ports go from 1 to 65535; leave it out for ssh_config's choice.")
	}
	if c.HostKey != base.HostKey {
		if _, err := hostkey.ParsePin(c.HostKey); err != nil {
			v.errorAt(c.Source.At("host_key"), fmt.Sprintf("Invalid host key %q", c.HostKey),
				fmt.Sprintf("This cannot be used: %v. Write what stands in the host's /etc/ssh/ssh_host_ed25519_key.pub, or what ssh-keygen -lf says of that file.", err))
		}
	}
}

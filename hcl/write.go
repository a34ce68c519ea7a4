package hcl

import (
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// Write prints a cluster in the plan language, formatted, with comments at their
// places. What the language has a default for is left out, so that a plan reads
// as a person would write it. A cluster that plans.Validate accepts is what
// Parse makes of the text, but for the sources.
func Write(w io.Writer, c *plans.Cluster, comments plans.Comments) error {
	file := hclwrite.NewEmptyFile()
	p := planWriter{cluster: c}
	top := file.Body()
	p.remarks(top, comments.Head, 0)
	p.gap(top, len(comments.Head) > 0)
	p.settings(top)
	p.ipvs(top, comments.IPVS)
	for i := range c.Hosts {
		top.AppendNewline()
		if c.Hosts[i].Role == plans.RoleDirector {
			p.remarks(top, comments.Director, 0)
			comments.Director = nil
		}
		p.host(top, &c.Hosts[i])
	}
	for i := range c.Services {
		var remarks plans.ServiceComments
		if i < len(comments.Services) {
			remarks = comments.Services[i]
		}
		top.AppendNewline()
		p.remarks(top, remarks.Above, 0)
		p.service(top, &c.Services[i], remarks)
	}
	p.gap(top, len(comments.End) > 0)
	p.remarks(top, comments.End, 0)
	_, err := w.Write(hclwrite.Format(file.Bytes()))
	return err
}

type planWriter struct {
	cluster *plans.Cluster
}

// remarkWidth is where a comment wraps, in columns.
const remarkWidth = 78

// remarks puts comment lines where the body ends now. A wrapped line goes on
// under its first word.
func (p planWriter) remarks(body *hclwrite.Body, lines []string, depth int) {
	var text strings.Builder
	for _, line := range lines {
		parts := wrap(escape(strings.TrimSpace(line)), remarkWidth-2-2*depth)
		for i, part := range parts {
			text.WriteString("#")
			if part != "" {
				text.WriteString(" ")
			}
			if i > 0 {
				text.WriteString("  ")
			}
			text.WriteString(part + "\n")
		}
	}
	if text.Len() > 0 {
		body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte(text.String())}})
	}
}

func (p planWriter) gap(body *hclwrite.Body, wanted bool) {
	if wanted {
		body.AppendNewline()
	}
}

// attributes of which there is no value in a plan are left out: these set what
// is not the zero value.

func text(b *hclwrite.Body, name, value string) {
	if value != "" {
		b.SetAttributeValue(name, cty.StringVal(value))
	}
}

func number(b *hclwrite.Body, name string, value int) {
	if value != 0 {
		b.SetAttributeValue(name, cty.NumberIntVal(int64(value)))
	}
}

func texts(b *hclwrite.Body, name string, values []string) {
	if len(values) == 0 {
		return
	}
	var list []cty.Value
	for _, v := range values {
		list = append(list, cty.StringVal(v))
	}
	b.SetAttributeValue(name, cty.TupleVal(list))
}

func textMap(b *hclwrite.Body, name string, values map[string]string, hidden plans.Sensitive) {
	if len(values) == 0 {
		return
	}
	items := []hclwrite.ObjectAttrTokens{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		items = append(items, hclwrite.ObjectAttrTokens{
			Name:  hclwrite.TokensForValue(cty.StringVal(key)),
			Value: secretTokens(values[key], hidden[name+"."+key]),
		})
	}
	b.SetAttributeRaw(name, hclwrite.TokensForObject(items))
}

// secretTokens writes a text, and that it is sensitive where it is.
func secretTokens(value string, hidden bool) hclwrite.Tokens {
	tokens := hclwrite.TokensForValue(cty.StringVal(value))
	if hidden {
		return hclwrite.TokensForFunctionCall("sensitive", tokens)
	}
	return tokens
}

// duration writes 1h0m0s as people do: 1h.
func duration(b *hclwrite.Body, name string, d time.Duration) {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	text(b, name, s)
}

// settings writes the blocks about the whole cluster.
func (p planWriter) settings(top *hclwrite.Body) {
	c := p.cluster
	text(top.AppendNewBlock("cluster", []string{c.Name}).Body(), "forwarding", string(c.Forwarding))
	p.connection(top, c.Connection, plans.Connection{}, true)
	if t := c.TimeSync; t.MaxOffset != plans.DefaultMaxOffset || t.RequireSource {
		top.AppendNewline()
		b := top.AppendNewBlock("time_sync", nil).Body()
		if t.MaxOffset != plans.DefaultMaxOffset {
			duration(b, "max_offset", t.MaxOffset)
		}
		if t.RequireSource {
			b.SetAttributeValue("require_source", cty.True)
		}
	}
	for _, policy := range []struct {
		block string
		value plans.Policy
	}{{"firewall", c.Firewall}, {"selinux", c.SELinux}} {
		if policy.value != plans.PolicyUnmanaged {
			top.AppendNewline()
			text(top.AppendNewBlock(policy.block, nil).Body(), "policy", string(policy.value))
		}
	}
}

// connection writes what differs from what holds without the block.
func (p planWriter) connection(parent *hclwrite.Body, c, base plans.Connection, newline bool) {
	if c.Host == base.Host && c.Port == base.Port && c.User == base.User && c.Become == base.Become && c.HostKey == base.HostKey {
		return
	}
	p.gap(parent, newline)
	b := parent.AppendNewBlock("connection", nil).Body()
	if c.Host != base.Host {
		text(b, "host", c.Host)
	}
	if c.HostKey != base.HostKey {
		text(b, "host_key", c.HostKey)
	}
	if c.Port != base.Port {
		number(b, "port", c.Port)
	}
	if c.User != base.User {
		text(b, "user", c.User)
	}
	if c.Become != base.Become {
		b.SetAttributeValue("become", cty.BoolVal(c.Become))
	}
}

// ipvs writes the ipvs block, and where there is none the remarks about it.
func (p planWriter) ipvs(top *hclwrite.Body, remarks []string) {
	v := p.cluster.IPVS
	timed := v.Timeouts.TCP != 0 || v.Timeouts.TCPFin != 0 || v.Timeouts.UDP != 0
	needed := v.Exclusive || v.Drain != plans.DefaultDrain || timed || len(v.Sync) > 0
	p.gap(top, needed || len(remarks) > 0)
	p.remarks(top, remarks, 0)
	if !needed {
		return
	}
	b := top.AppendNewBlock("ipvs", nil).Body()
	if v.Exclusive {
		b.SetAttributeValue("exclusive", cty.True)
	}
	if v.Drain != plans.DefaultDrain {
		duration(b, "drain", v.Drain)
	}
	if timed {
		t := b.AppendNewBlock("timeouts", nil).Body()
		for _, one := range []struct {
			name  string
			value time.Duration
		}{{"tcp", v.Timeouts.TCP}, {"tcp_fin", v.Timeouts.TCPFin}, {"udp", v.Timeouts.UDP}} {
			if one.value != 0 {
				duration(t, one.name, one.value)
			}
		}
	}
	for _, d := range v.Sync {
		s := b.AppendNewBlock("sync", nil).Body()
		text(s, "role", d.Role)
		text(s, "interface", d.Interface)
		number(s, "id", d.ID)
		if d.Group.String() != plans.DefaultSyncGroup {
			text(s, "group", d.Group.String())
		}
		if d.Port != plans.DefaultSyncPort {
			number(s, "port", int(d.Port))
		}
		if d.TTL != plans.DefaultSyncTTL {
			number(s, "ttl", d.TTL)
		}
		number(s, "max_length", d.MaxLength)
	}
}

func (p planWriter) host(top *hclwrite.Body, h *plans.Host) {
	b := top.AppendNewBlock(string(h.Role), []string{h.Name}).Body()
	p.connection(b, h.Connection, p.cluster.Connection, false)
	for _, i := range h.Interfaces {
		inner := b.AppendNewBlock("interface", []string{i.Name}).Body()
		text(inner, "address", i.Address.String())
		var further []string
		for _, a := range i.Addresses {
			further = append(further, a.String())
		}
		texts(inner, "addresses", further)
		if i.Gateway.IsValid() {
			text(inner, "gateway", i.Gateway.String())
		}
		if i.Gateway6.IsValid() {
			text(inner, "gateway6", i.Gateway6.String())
		}
		number(inner, "mtu", i.MTU)
		var dns []string
		for _, a := range i.DNS {
			dns = append(dns, a.String())
		}
		texts(inner, "dns", dns)
		textMap(inner, "ifcfg", i.Ifcfg, i.Sensitive)
		if i.VLAN != nil {
			vlan := inner.AppendNewBlock("vlan", nil).Body()
			number(vlan, "id", i.VLAN.ID)
			text(vlan, "link", i.VLAN.Link)
		}
		if i.Bond != nil {
			bond := inner.AppendNewBlock("bond", nil).Body()
			text(bond, "mode", i.Bond.Mode)
			texts(bond, "members", i.Bond.Members)
			if i.Bond.MIIMon != plans.DefaultMIIMon {
				duration(bond, "miimon", i.Bond.MIIMon)
			}
			text(bond, "primary", i.Bond.Primary)
			text(bond, "lacp_rate", i.Bond.LACPRate)
			text(bond, "xmit_hash_policy", i.Bond.XmitHashPolicy)
		}
		for _, r := range i.Routes {
			route := inner.AppendNewBlock("route", nil).Body()
			text(route, "to", r.To.String())
			if r.Via.IsValid() {
				text(route, "via", r.Via.String())
			}
			number(route, "metric", r.Metric)
		}
	}
	text(b, "network", h.Network)
	texts(b, "packages", h.Packages)
	textMap(b, "sysctl", h.Sysctls, h.Sensitive)
	if h.HTTPD != nil {
		b.AppendNewBlock("httpd", nil).Body().SetAttributeRaw("index", secretTokens(h.HTTPD.Index, h.HTTPD.Sensitive["index"]))
	}
}

// reference gives real_server.NAME, or real_server["NAME"] where the name is no
// identifier.
func reference(h *plans.Host) hcl2.Traversal {
	root := hcl2.TraverseRoot{Name: string(h.Role)}
	if hclsyntax.ValidIdentifier(h.Name) {
		return hcl2.Traversal{root, hcl2.TraverseAttr{Name: h.Name}}
	}
	return hcl2.Traversal{root, hcl2.TraverseIndex{Key: cty.StringVal(h.Name)}}
}

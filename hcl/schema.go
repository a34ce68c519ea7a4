package hcl

import (
	"fmt"
	"strings"
)

// attrSchema is one attribute of a block.
type attrSchema struct {
	name     string
	want     string // what its value is, to follow "wants"
	example  string // a value, as one writes it in a plan
	required bool
	secret   secrecy
}

// secrecy says where an attribute takes sensitive values.
type secrecy int

const (
	secretNever    secrecy = iota // lvsup shows the value: a name, an address
	secretAnywhere                // nowhere shown
	secretElements                // what is gone through may hold them
)

// blockSchema is one type of block: its label, its attributes and the blocks it
// may hold.
type blockSchema struct {
	name   string
	label  string // what the label says; empty: the block has none
	sample string // a label for examples
	single bool   // at most one in its parent
	attrs  []attrSchema
	blocks []*blockSchema
	// open accepts any attribute: locals and modules.
	open bool
}

func (s *blockSchema) attr(name string) (attrSchema, bool) {
	for _, a := range s.attrs {
		if a.name == name {
			return a, true
		}
	}
	return attrSchema{}, false
}

func (s *blockSchema) block(name string) (*blockSchema, bool) {
	for _, b := range s.blocks {
		if b.name == name {
			return b, true
		}
	}
	return nil, false
}

func (s *blockSchema) attrNames() []string {
	names := make([]string, len(s.attrs))
	for i, a := range s.attrs {
		names[i] = a.name
	}
	return names
}

func (s *blockSchema) blockNames() []string {
	names := make([]string, len(s.blocks))
	for i, b := range s.blocks {
		names[i] = b.name
	}
	return names
}

// header is how the block begins in a plan.
func (s *blockSchema) header() string {
	if s.label == "" {
		return s.name
	}
	return s.name + ` "` + s.sample + `"`
}

// place says where something inside the block stands.
func (s *blockSchema) place() string {
	if s.name == "" {
		return "at the top level of a plan"
	}
	return "in " + article(s.name) + " " + s.name + " block"
}

func article(noun string) string {
	if strings.ContainsAny(noun[:1], "aeiou") {
		return "an"
	}
	return "a"
}

const (
	wantText     = "text in quotes"
	wantIP       = "an IP address without a prefix length"
	wantPrefix   = "an IP address with its prefix length"
	wantBool     = "true or false"
	wantDuration = "a duration in quotes, such as \"500ms\", \"10s\" or \"5m\""
	wantPort     = "a port number from 1 to 65535"
	wantSeconds  = "a duration of whole seconds in quotes, such as \"10s\" or \"5m\""
	wantDrain    = "a duration of whole seconds in quotes, such as \"30s\" or \"5m\"; \"0s\" is at once"
	wantMode     = `"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb" or "balance-alb"`
	wantForward  = `"nat", "dr" or "tun"`
)

// schema returns the whole language: a nameless block that holds what stands at
// the top level of a plan.
func schema() *blockSchema {
	connection := &blockSchema{name: "connection", single: true, attrs: []attrSchema{
		{name: "host", want: "a name or address to dial, in quotes", example: `"192.168.140.10"`},
		{name: "host_key", want: "a host key or its fingerprint, in quotes", example: `"SHA256:..."`},
		{name: "port", want: wantPort, example: `22`},
		{name: "user", want: "a user name in quotes", example: `"root"`},
		{name: "become", want: wantBool, example: `true`},
	}}
	// Without host and host_key: one endpoint cannot be the default of every host.
	defaults := &blockSchema{name: "connection", single: true, attrs: connection.attrs[2:]}
	vlan := &blockSchema{name: "vlan", single: true, attrs: []attrSchema{
		{name: "id", want: "a number from 1 to 4094", example: `20`, required: true},
		{name: "link", want: "the name of the interface below, in quotes", example: `"ens33"`, required: true},
	}}
	bond := &blockSchema{name: "bond", single: true, attrs: []attrSchema{
		{name: "mode", want: wantMode, example: `"active-backup"`, required: true},
		{name: "members", want: "a list of the names of interfaces", example: `["ens33", "ens36"]`, required: true},
		{name: "miimon", want: "a duration of whole milliseconds in quotes, such as \"100ms\"", example: `"100ms"`},
		{name: "primary", want: "the name of one of the members, in quotes", example: `"ens33"`},
		{name: "lacp_rate", want: `"slow" or "fast"`, example: `"fast"`},
		{name: "xmit_hash_policy", want: `"layer2", "layer2+3", "layer3+4", "encap2+3" or "encap3+4"`, example: `"layer3+4"`},
	}}
	iface := &blockSchema{name: "interface", label: "the interface's name", sample: "ens33", attrs: []attrSchema{
		{name: "address", want: wantPrefix, example: `"192.168.140.10/24"`, required: true},
		{name: "addresses", want: "a list of IP addresses with their prefix lengths", example: `["10.0.0.5/24", "2001:db8::5/64"]`},
		{name: "gateway", want: wantIP, example: `"192.168.140.2"`},
		{name: "gateway6", want: "an IPv6 address without a prefix length", example: `"2001:db8::1"`},
		{name: "mtu", want: "a number of bytes from 576 to 65535, of IPv6 from 1280", example: `1400`},
		{name: "dns", want: "a list of IP addresses", example: `["114.114.114.114", "8.8.8.8"]`},
		{name: "ifcfg", want: "a map from ifcfg keys to values", example: `{ BROWSER_ONLY = "no" }`, secret: secretAnywhere},
	}, blocks: []*blockSchema{vlan, bond, {name: "route", attrs: []attrSchema{
		{name: "to", want: "a network with its prefix length", example: `"10.8.0.0/16"`, required: true},
		{name: "via", want: wantIP, example: `"192.168.140.2"`},
		{name: "metric", want: "a number from 1 to 4294967295", example: `100`},
	}}}}
	httpd := &blockSchema{name: "httpd", single: true, attrs: []attrSchema{
		{name: "index", want: "the page's text in quotes", example: `"<h1>This is 192.168.140.20!</h1>"`, required: true, secret: secretAnywhere},
	}}
	forEach := attrSchema{name: "for_each", want: "a map, or a list of texts or hosts", example: `{ a = "192.168.140.20/24", b = "192.168.140.30/24" }`, secret: secretElements}
	countAttr := attrSchema{name: "count", want: fmt.Sprintf("a whole number from 0 to %d", maxRounds), example: `2`}
	hostBlock := func(name, sample string) *blockSchema {
		return &blockSchema{
			name: name, label: "the host's name", sample: sample,
			attrs: []attrSchema{
				{name: "name", want: "the host's name in quotes", example: `"node${count.index + 1}"`},
				forEach, countAttr,
				{name: "packages", want: "a list of package names", example: `["ipvsadm"]`},
				{name: "network", want: `"ifcfg", "ifupdown", "networkd", "networkmanager" or "netplan"`, example: `"networkd"`},
				{name: "sysctl", want: "a map from kernel parameters to values", example: `{ "net.ipv4.vs.conn_reuse_mode" = 0 }`, secret: secretAnywhere},
			},
			blocks: []*blockSchema{iface, httpd, connection},
		}
	}
	persistence := &blockSchema{name: "persistence", single: true, attrs: []attrSchema{
		{name: "timeout", want: wantDuration, example: `"10s"`, required: true},
		{name: "prefix_length", want: "how many bits of a client's address count, a number from 1 to 32 (IPv6: 128)", example: `24`},
		{name: "engine", want: `"sip"`, example: `"sip"`},
	}}
	tunnel := &blockSchema{name: "tunnel", single: true, attrs: []attrSchema{
		{name: "type", want: `"ipip", "gue" or "gre"`, example: `"gue"`},
		{name: "port", want: wantPort, example: `6080`},
		{name: "checksum", want: `"none", "full" or "remote"`, example: `"none"`},
		{name: "mss", want: "a number of bytes from 536 to 65495, or 0", example: `1440`},
	}}
	backend := &blockSchema{name: "backend", attrs: []attrSchema{
		{name: "host", want: "a real server, by reference and without quotes", example: `real_server.node1`},
		{name: "address", want: wantIP, example: `"192.168.140.20"`},
		{name: "port", want: wantPort, example: `8080`},
		{name: "weight", want: "a whole number from 0 to 65535", example: `1`},
		{name: "forwarding", want: wantForward, example: `"nat"`},
		{name: "upper_threshold", want: "a number of connections, from 1, or 0 for no limit", example: `100`},
		{name: "lower_threshold", want: "a number of connections, from 1, or 0", example: `80`},
		{name: "for_each", want: "a map, or a list of texts or hosts", example: `real_server`, secret: secretElements},
		countAttr,
	}, blocks: []*blockSchema{tunnel}}
	service := &blockSchema{
		name: "virtual_service", label: "the service's name", sample: "web",
		attrs: []attrSchema{
			{name: "name", want: "the service's name in quotes", example: `"web-${each.key}"`},
			forEach, countAttr,
			{name: "address", want: wantIP, example: `"192.168.140.100"`},
			{name: "port", want: wantPort + ", or 0 for every port", example: `80`},
			{name: "protocol", want: `"tcp", "udp" or "sctp"`, example: `"tcp"`},
			{name: "fwmark", want: "a number from 1 to 4294967295", example: `1`},
			{name: "ports", want: "a list of ports", example: `[80, 443, "8000-8010", "53/udp"]`},
			{name: "family", want: `"ipv4" or "ipv6"`, example: `"ipv6"`},
			{name: "keep_vip", want: wantBool, example: `false`},
			{name: "persist", want: `"rc.local" or "native"`, example: `"native"`},
			{name: "scheduler", want: "a scheduler's name in quotes", example: `"rr"`},
			{name: "scheduler_flags", want: "a list of flags", example: `["mh-fallback", "mh-port"]`},
			{name: "one_packet", want: wantBool, example: `true`},
			{name: "forwarding", want: wantForward, example: `"dr"`},
			{name: "drain", want: wantDrain, example: `"5m"`},
		},
		blocks: []*blockSchema{persistence, tunnel, backend},
	}
	ipvs := &blockSchema{name: "ipvs", single: true, attrs: []attrSchema{
		{name: "exclusive", want: wantBool, example: `true`},
		{name: "drain", want: wantDrain, example: `"30s"`},
	}, blocks: []*blockSchema{
		{name: "timeouts", single: true, attrs: []attrSchema{
			{name: "tcp", want: wantSeconds, example: `"15m"`},
			{name: "tcp_fin", want: wantSeconds, example: `"2m"`},
			{name: "udp", want: wantSeconds, example: `"5m"`},
		}},
		{name: "sync", attrs: []attrSchema{
			{name: "role", want: `"master" or "backup"`, example: `"master"`, required: true},
			{name: "interface", want: "the name of one of the director's interfaces, in quotes", example: `"ens33"`, required: true},
			{name: "id", want: "a number from 0 to 255", example: `1`},
			{name: "group", want: "a multicast address", example: `"224.0.0.81"`},
			{name: "port", want: wantPort, example: `8848`},
			{name: "ttl", want: "a number from 1 to 255", example: `1`},
			{name: "max_length", want: "a number of bytes from 1 to 65507", example: `1472`},
		}},
	}}
	return &blockSchema{blocks: []*blockSchema{
		{
			name: "cluster", label: "the cluster's name", sample: "web", single: true,
			attrs: []attrSchema{
				{name: "name", want: "the cluster's name in quotes", example: `"web-${var.table}"`},
				{name: "forwarding", want: wantForward, example: `"dr"`},
			},
		},
		defaults,
		{name: "time_sync", single: true, attrs: []attrSchema{
			{name: "max_offset", want: wantDuration, example: `"500ms"`},
			{name: "require_source", want: wantBool, example: `true`},
		}},
		{name: "firewall", single: true, attrs: []attrSchema{
			{name: "policy", want: `"unmanaged", "open" or "disabled"`, example: `"disabled"`, required: true},
		}},
		{name: "selinux", single: true, attrs: []attrSchema{
			{name: "policy", want: `"unmanaged", "enforcing", "permissive" or "disabled"`, example: `"disabled"`, required: true},
		}},
		ipvs,
		hostBlock("director", "master"),
		hostBlock("real_server", "node1"),
		hostBlock("host", "client"),
		service,
		{name: "variable", label: "the variable's name", sample: "domain", attrs: []attrSchema{
			{name: "default", want: "any value", example: `"example.org"`},
			{name: "type", want: "a type without quotes", example: `string`},
			{name: "description", want: wantText, example: `"Domain of the test pages"`},
			{name: "sensitive", want: wantBool, example: `true`},
			{name: "nullable", want: wantBool, example: `false`},
		}, blocks: []*blockSchema{
			{name: "validation", attrs: []attrSchema{
				{name: "condition", want: "an expression that is true or false", example: `var.port > 1023`, required: true, secret: secretAnywhere},
				{name: "error_message", want: "what to say where the condition is false, in quotes", example: `"Take a port above 1023."`, required: true},
			}},
		}},
		{name: "locals", open: true},
		{name: "module", label: "a name for this use of the module", sample: "table", open: true, attrs: []attrSchema{
			{name: "source", want: "the path of a folder in quotes", example: `"./cluster"`, required: true},
			forEach, countAttr,
		}},
		{name: "output", label: "the output's name", sample: "vip", attrs: []attrSchema{
			{name: "value", want: "any value", example: `virtual_service.web.address`, required: true},
			{name: "description", want: wantText, example: `"Where the pages are"`},
			{name: "sensitive", want: wantBool, example: `true`},
		}},
	}}
}

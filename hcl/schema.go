package hcl

import "strings"

// attrSchema is one attribute of a block.
type attrSchema struct {
	name     string
	want     string // what its value is, to follow "wants"
	example  string // a value, as one writes it in a plan
	required bool
}

// blockSchema is one type of block: its label, its attributes and the blocks it
// may hold.
type blockSchema struct {
	name   string
	label  string // what the label says; empty: the block has none
	sample string // a label for examples
	single bool   // at most one in its parent
	attrs  []attrSchema
	blocks []*blockSchema
	// open accepts any attribute: locals.
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
)

// schema returns the whole language: a nameless block that holds what stands at
// the top level of a plan.
func schema() *blockSchema {
	connection := &blockSchema{name: "connection", single: true, attrs: []attrSchema{
		{name: "host", want: "a name or address to dial, in quotes", example: `"192.168.140.10"`},
		{name: "port", want: wantPort, example: `22`},
		{name: "user", want: "a user name in quotes", example: `"root"`},
		{name: "become", want: wantBool, example: `true`},
	}}
	// Without a host: one endpoint cannot be the default of every host.
	defaults := &blockSchema{name: "connection", single: true, attrs: connection.attrs[1:]}
	iface := &blockSchema{name: "interface", label: "the interface's name", sample: "ens33", attrs: []attrSchema{
		{name: "address", want: wantPrefix, example: `"192.168.140.10/24"`, required: true},
		{name: "gateway", want: wantIP, example: `"192.168.140.2"`},
		{name: "dns", want: "a list of IP addresses", example: `["114.114.114.114", "8.8.8.8"]`},
		{name: "ifcfg", want: "a map from ifcfg keys to values", example: `{ BROWSER_ONLY = "no" }`},
	}}
	httpd := &blockSchema{name: "httpd", single: true, attrs: []attrSchema{
		{name: "index", want: "the page's text in quotes", example: `"<h1>This is 192.168.140.20!</h1>"`, required: true},
	}}
	hostBlock := func(name, sample string) *blockSchema {
		return &blockSchema{
			name: name, label: "the host's name", sample: sample,
			attrs: []attrSchema{
				{name: "packages", want: "a list of package names", example: `["ipvsadm"]`},
				{name: "sysctl", want: "a map from kernel parameters to values", example: `{ "net.ipv4.vs.conn_reuse_mode" = 0 }`},
			},
			blocks: []*blockSchema{iface, httpd, connection},
		}
	}
	persistence := &blockSchema{name: "persistence", single: true, attrs: []attrSchema{
		{name: "timeout", want: wantDuration, example: `"10s"`, required: true},
		{name: "prefix_length", want: "how many bits of a client's address count, a number from 1 to 32 (IPv6: 128)", example: `24`},
	}}
	backend := &blockSchema{name: "backend", attrs: []attrSchema{
		{name: "host", want: "a real server, by reference and without quotes", example: `real_server.node1`, required: true},
		{name: "address", want: wantIP, example: `"192.168.140.20"`},
		{name: "port", want: wantPort, example: `8080`},
		{name: "weight", want: "a whole number from 0 to 65535", example: `1`},
		{name: "for_each", want: "a map, or a list of texts", example: `real_server`},
	}}
	service := &blockSchema{
		name: "virtual_service", label: "the service's name", sample: "web",
		attrs: []attrSchema{
			{name: "address", want: wantIP, example: `"192.168.140.100"`, required: true},
			{name: "port", want: wantPort, example: `80`, required: true},
			{name: "protocol", want: `"tcp", "udp" or "sctp"`, example: `"tcp"`},
			{name: "scheduler", want: "a scheduler's name in quotes", example: `"rr"`},
			{name: "forwarding", want: `"nat", "dr" or "tun"`, example: `"dr"`},
		},
		blocks: []*blockSchema{persistence, backend},
	}
	return &blockSchema{blocks: []*blockSchema{
		{
			name: "cluster", label: "the cluster's name", sample: "web", single: true,
			attrs: []attrSchema{{name: "forwarding", want: `"nat", "dr" or "tun"`, example: `"dr"`}},
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
			{name: "policy", want: `"unmanaged", "permissive" or "disabled"`, example: `"disabled"`, required: true},
		}},
		hostBlock("director", "master"),
		hostBlock("real_server", "node1"),
		hostBlock("host", "client"),
		service,
		{name: "variable", label: "the variable's name", sample: "domain", attrs: []attrSchema{
			{name: "default", want: "any value", example: `"example.org"`},
			{name: "type", want: "a type without quotes", example: `string`},
			{name: "description", want: wantText, example: `"Domain of the test pages"`},
		}},
		{name: "locals", open: true},
	}}
}

package plans

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestExpandOfEveryWord holds what each host gets of a plan that uses what IPVS can
// be told.
func TestExpandOfEveryWord(t *testing.T) {
	addr := netip.MustParseAddr
	gue := Tunnel{Type: TunnelGUE, Port: 6080, Checksum: ChecksumNone, MSS: 1428}
	c := &Cluster{
		Firewall: PolicyOpen,
		IPVS: IPVS{
			Exclusive: true, Drain: time.Minute, Timeouts: Timeouts{TCP: time.Hour, UDP: time.Second},
			Sync: []SyncDaemon{{
				Role: SyncBackup, Interface: "ens33", ID: 7, Group: addr("224.0.0.81"), Port: 8848, TTL: 1, MaxLength: 1472,
			}},
		},
		Hosts: []Host{
			{Name: "lb", Role: RoleDirector, Packages: []string{"nftables"}},
			{Name: "node1", Role: RoleRealServer},
			{Name: "node2", Role: RoleRealServer},
		},
		Services: []VirtualService{
			{
				Address: addr("192.0.2.1"), Protocol: "tcp", FWMark: 5, KeepVIP: true, Drain: 0,
				Ports:     []PortRange{{"tcp", 80, 80}, {"udp", 8000, 8010}},
				Scheduler: "mh", SchedulerFlags: []string{"mh-port"},
				Backends: []Backend{
					{Host: "node1", Address: addr("10.0.0.1"), Weight: 2, Forwarding: ForwardTUN, Tunnel: gue, UpperThreshold: 9, LowerThreshold: 4},
					{Host: "node2", Address: addr("10.0.0.2"), Weight: 1, Forwarding: ForwardNAT, Port: 8080},
				},
			},
			{
				Address: addr("192.0.2.1"), Protocol: "tcp", Port: 25, KeepVIP: true, Drain: time.Minute, Scheduler: "rr",
				Backends: []Backend{
					{Host: "node1", Address: addr("10.0.0.1"), Port: 25, Weight: 1, Forwarding: ForwardTUN, Tunnel: Tunnel{Type: TunnelIPIP, MSS: 1400}},
					{Address: addr("10.0.0.9"), Port: 25, Weight: 1, Forwarding: ForwardDR},
				},
			},
			{
				FWMark: 6, IPv6: true, Protocol: "udp", KeepVIP: true, Drain: time.Minute, Scheduler: "sh", OnePacket: true,
				Persistence: &Persistence{Timeout: time.Minute, PrefixLen: 128, Engine: EngineSIP},
			},
			{
				Address: addr("192.0.2.2"), Protocol: "udp", Port: 53, Drain: time.Minute, Scheduler: "rr",
				Backends: []Backend{{Host: "node2", Address: addr("10.0.0.2"), Port: 53, Weight: 1, Forwarding: ForwardTUN, Tunnel: Tunnel{Type: TunnelIPIP, MSS: 1440}}},
			},
		},
	}
	all, err := Expand(c, map[string]bool{"node2": true})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ host, kind, want string }{
		{"lb", "firewall", `{"policy":"open","ports":["25/tcp","53/udp","80/tcp","8000-8010/udp","8848/udp"],"answers":["8080/tcp@10.0.0.2","8080/udp@10.0.0.2"]}`},
		{"node1", "firewall", `{"policy":"open","ports":["25/tcp","4/ip","6080/udp","80/tcp","8000-8010/udp"]}`},
		{"node2", "firewall", `{"policy":"open","ports":["4/ip","53/udp","8080/tcp","8080/udp"]}`},
		{"lb", "sysctl", `{"settings":{"net.ipv4.ip_forward":"1"}}`},
		{"node1", "sysctl", `{"settings":{"net.ipv4.conf.all.arp_announce":"2","net.ipv4.conf.all.arp_ignore":"1"}}`},
		{"lb", "vip", `{"vips":[{"address":"192.0.2.1/32","interface":"lo"}]}`},
		{"node1", "vip", `{"vips":[{"address":"192.0.2.1/32","interface":"lo"}]}`},
		{"node2", "vip", ``}, // others keep 192.0.2.2
		{"lb", "tunnel", ``},
		{"node1", "tunnel", `{"tunnels":[{"type":"gue","port":6080},{"type":"ipip"}]}`},
		{"node2", "tunnel", `{"tunnels":[{"type":"ipip"}]}`},
		{"lb", "mangle", `{"marks":[{"address":"192.0.2.1","port":"80/tcp","mark":5},{"address":"192.0.2.1","port":"8000-8010/udp","mark":5}],"installs":true}`},
		{"node1", "mangle", `{"mss":[{"address":"192.0.2.1","size":1400}]}`},
		{"node2", "mangle", ``}, // UDP has no segments
		{"lb", "boot", `{"restore":true}`},
		{"node1", "boot", `{"restore":true}`},
		{"lb", "ipvs", `{"services":[` +
			`{"fwmark":5,"scheduler":"mh","scheduler_flags":["mh-port"],"drain_seconds":0,"backends":[` +
			`{"address":"10.0.0.1","forwarding":"tun","weight":2,"upper_threshold":9,"lower_threshold":4,"tunnel":{"type":"gue","port":6080,"checksum":"none"}},` +
			`{"address":"10.0.0.2","port":8080,"forwarding":"nat","weight":1,"hold":true}]},` +
			`{"protocol":"tcp","address":"192.0.2.1","port":25,"scheduler":"rr","backends":[` +
			`{"address":"10.0.0.1","port":25,"forwarding":"tun","weight":1,"tunnel":{"type":"ipip"}},` +
			`{"address":"10.0.0.9","port":25,"forwarding":"dr","weight":1}]},` +
			`{"fwmark":6,"ipv6":true,"scheduler":"sh","one_packet":true,"persistence_seconds":60,"persistence_prefix":128,"engine":"sip"},` +
			`{"protocol":"udp","address":"192.0.2.2","port":53,"scheduler":"rr","backends":[` +
			`{"address":"10.0.0.2","port":53,"forwarding":"tun","weight":1,"tunnel":{"type":"ipip"},"hold":true}]}],` +
			`"boot":true,"exclusive":true,"drain_seconds":60,"timeouts":{"tcp":3600,"udp":1},` +
			`"sync":[{"role":"backup","interface":"ens33","id":7,"group":"224.0.0.81","port":8848,"ttl":1,"max_length":1472}]}`},
	} {
		got := ""
		for _, d := range all[test.host] {
			if d.Kind == test.kind {
				got = string(d.Want)
			}
		}
		if got != test.want {
			t.Errorf("%s of %s:\n got %s\nwant %s", test.kind, test.host, got, test.want)
		}
	}
}

// TestExpandWithoutServices holds that a director is told what its ipvs block says
// even where it has no services: how those go that it had, at least. It gets a boot
// unit where there is something to bring back.
func TestExpandWithoutServices(t *testing.T) {
	for want, v := range map[string]IPVS{
		`{"boot":true,"drain_seconds":300}`: {Drain: 5 * time.Minute},
		`"exclusive":true`:                  {Exclusive: true},
		`"tcp":1`:                           {Timeouts: Timeouts{TCP: time.Second}},
		`"role":"master"`:                   {Sync: []SyncDaemon{{Role: SyncMaster}}},
	} {
		all, err := Expand(&Cluster{IPVS: v, Hosts: []Host{{Name: "lb", Role: RoleDirector}, {Name: "node1", Role: RoleRealServer}}}, nil)
		text, _ := json.Marshal(all["lb"])
		if err != nil || len(all["node1"]) != 0 || !strings.Contains(string(text), want) ||
			strings.Contains(string(text), "restore") != (v.timed() || len(v.Sync) > 0) {
			t.Errorf("%+v: %s, %v", v, text, err)
		}
	}
}

func TestFitMSS(t *testing.T) {
	for _, test := range []struct {
		tunnel       Tunnel
		outer, inner bool
		want         int
	}{
		{Tunnel{Type: TunnelIPIP}, false, false, 1440},
		{Tunnel{Type: TunnelIPIP}, true, false, 1420},
		{Tunnel{Type: TunnelIPIP}, false, true, 1420},
		{Tunnel{Type: TunnelIPIP}, true, true, 1400},
		{Tunnel{Type: TunnelGRE}, false, false, 1436},
		{Tunnel{Type: TunnelGRE, Checksum: ChecksumFull}, false, false, 1432},
		{Tunnel{Type: TunnelGUE}, false, false, 1428},
		{Tunnel{Type: TunnelGUE, Checksum: ChecksumFull}, false, false, 1428},
		{Tunnel{Type: TunnelGUE, Checksum: ChecksumRemote}, false, false, 1420},
	} {
		if got := test.tunnel.FitMSS(test.outer, test.inner); got != test.want {
			t.Errorf("%+v, IPv6 outside %t and inside %t: %d, want %d", test.tunnel, test.outer, test.inner, got, test.want)
		}
	}
}

// TestExpandByFamily holds where a VIP goes, and which forwarding NAT needs, for
// both families.
func TestExpandByFamily(t *testing.T) {
	for _, tc := range []struct {
		vip, dip, rip      string
		forwarding         Forwarding
		director, realHost []string // pieces of what the host must have
	}{
		{"192.168.140.100", "192.168.140.10/24", "192.168.140.20/24", ForwardDR,
			[]string{`"192.168.140.100/32","interface":"lo"`},
			[]string{`"192.168.140.100/32","interface":"lo"`, `"net.ipv4.conf.all.arp_ignore":"1"`}},
		{"2001:db8::100", "2001:db8::10/64", "2001:db8::20/64", ForwardDR,
			[]string{`"2001:db8::100/128","interface":"ens33"`},
			[]string{`"2001:db8::100/128","interface":"lo"`}},
		{"2001:db8:1::100", "2001:db8::10/64", "2001:db8::20/64", ForwardDR,
			[]string{`"2001:db8:1::100/128","interface":"lo"`}, nil},
		{"192.168.146.100", "192.168.177.254/24", "192.168.177.10/24", ForwardNAT, []string{`"net.ipv4.ip_forward":"1"`}, nil},
		{"2001:db8:1::100", "2001:db8::10/64", "2001:db8::20/64", ForwardNAT, []string{`"net.ipv6.conf.all.forwarding":"1"`}, nil},
	} {
		host := func(name string, role Role, address string) Host {
			return Host{Name: name, Role: role, Interfaces: []Interface{{Name: "ens33", Address: netip.MustParsePrefix(address)}}}
		}
		c := &Cluster{
			Hosts: []Host{host("master", RoleDirector, tc.dip), host("node1", RoleRealServer, tc.rip)},
			Services: []VirtualService{{
				Address: netip.MustParseAddr(tc.vip), Port: 80, Protocol: "tcp", Scheduler: "rr", Forwarding: tc.forwarding, KeepVIP: true,
				Backends: []Backend{{Host: "node1", Address: netip.MustParsePrefix(tc.rip).Addr(), Port: 80, Weight: 1, Forwarding: tc.forwarding}},
			}},
		}
		all, err := Expand(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, pieces := range map[string][]string{"master": tc.director, "node1": tc.realHost} {
			text, err := json.Marshal(all[name])
			if err != nil {
				t.Fatal(err)
			}
			for _, piece := range pieces {
				if !strings.Contains(string(text), piece) {
					t.Errorf("%s %s: %s lacks %s:\n%s", tc.forwarding, tc.vip, name, piece, text)
				}
			}
		}
	}
}

func TestADestroyTellsDirectorsHowLongBackendsMayDrain(t *testing.T) {
	c := &Cluster{
		Hosts:    []Host{{Name: "lb", Role: RoleDirector}, {Name: "node", Role: RoleRealServer}},
		IPVS:     IPVS{Drain: 10 * time.Second},
		Services: []VirtualService{{Drain: 5 * time.Minute}, {Drain: 10 * time.Second}},
	}
	wanted, err := ExpandDestroy(c)
	if err != nil {
		t.Fatal(err)
	}
	got := wanted["lb"]
	if len(wanted) != 1 || len(got) != 1 || got[0].Kind != "ipvs" || string(got[0].Want) != `{"drain_seconds":300}` {
		t.Errorf("got %v", wanted)
	}
}

// TestTracking holds that connection tracking follows IPVS only where a firewall is
// to let the answers of nat pass, and nothing goes another way.
func TestTracking(t *testing.T) {
	const on = `{"settings":{"net.ipv4.ip_forward":"1","net.ipv4.vs.conntrack":"1"}}`
	for _, test := range []struct {
		policy  Policy
		sysctls map[string]string
		other   Forwarding
		want    string
		tracked bool
	}{
		{PolicyOpen, nil, ForwardNAT, on, true},
		{PolicyDisabled, nil, ForwardNAT, `{"settings":{"net.ipv4.ip_forward":"1"}}`, false},
		{PolicyOpen, nil, ForwardDR, `{"settings":{"net.ipv4.ip_forward":"1"}}`, false},
		{PolicyOpen, map[string]string{"net.ipv4.vs.conntrack": "0"}, ForwardNAT, `{"settings":{"net.ipv4.ip_forward":"1","net.ipv4.vs.conntrack":"0"}}`, false},
		{PolicyUnmanaged, map[string]string{"net.ipv4.vs.conntrack": "1"}, ForwardNAT, on, false},
	} {
		c := &Cluster{
			Firewall: test.policy,
			Hosts:    []Host{{Name: "lb", Role: RoleDirector, Sysctls: test.sysctls}},
			Services: []VirtualService{{Protocol: "tcp", Port: 80, Backends: []Backend{
				{Address: netip.MustParseAddr("10.0.0.1"), Forwarding: ForwardNAT}, {Address: netip.MustParseAddr("10.0.0.2"), Forwarding: test.other},
			}}},
		}
		all, err := Expand(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all["lb"] {
			switch {
			case d.Kind == "sysctl" && string(d.Want) != test.want:
				t.Errorf("%+v: %s", test, d.Want)
			case d.Kind == "firewall" && strings.Contains(string(d.Want), `"tracked":true`) != test.tracked:
				t.Errorf("%+v: %s", test, d.Want)
			}
		}
	}
}

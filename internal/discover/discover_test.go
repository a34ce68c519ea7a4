package discover_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/discover"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// host makes one with interfaces "NAME ADDRESS...", and the default gateway in the
// network of the first.
func host(name, gateway string, cards ...string) discover.Host {
	h := discover.Host{Name: name, Table: &wire.IPVSResponse{}, Facts: wire.Facts{DNS: []string{"192.0.2.53", "127.0.0.53"}}}
	for i, card := range cards {
		f := strings.Fields(card)
		h.Facts.Interfaces = append(h.Facts.Interfaces, wire.Interface{Name: f[0], Up: true, Addresses: f[1:]})
		if i == 0 && gateway != "" {
			h.Facts.Routes = append(h.Facts.Routes, wire.Route{Destination: "0.0.0.0/0", Gateway: gateway, Interface: f[0]})
		}
	}
	return h
}

// director has services: ipvsadm's lines.
func director(name, gateway, rules string, cards ...string) discover.Host {
	h := host(name, gateway, cards...)
	h.Table.Saved = rules
	h.Table.Services = []wire.IPVSService{{}}
	h.Table.Timeouts = &wire.IPVSTimeouts{TCP: 900, TCPFin: 120, UDP: 300}
	return h
}

const drRules = `--set 900 120 300
-A -t 192.0.2.100:80 -s wrr
-a -t 192.0.2.100:80 -r 192.0.2.20:80 -g -w 2
-a -t 192.0.2.100:80 -r 192.0.2.30:80 -g -w 1
`

// agents answer a drift check as hosts do: that address is not kept in any file,
// nor are name servers on that host, and lvsup owns these.
type agents struct {
	dhcp, noDNS string
	owned       map[string][]wire.KindChanges
	asked       int
}

func (a *agents) compare(c *plans.Cluster) (*plans.Plan, error) {
	a.asked++
	p := &plans.Plan{}
	for _, h := range c.Hosts {
		hp := plans.HostPlan{Host: h.Name}
		address := wire.KindChanges{Kind: "address"}
		for _, i := range h.Interfaces {
			change := step.Change{Action: step.Adopt, ID: step.ID{Key: i.Name + " " + i.Address.String()}}
			if i.Address.String() == a.dhcp || h.Name == a.noDNS && len(i.DNS) > 0 {
				change.Action = step.Create
			}
			address.Changes = append(address.Changes, change)
		}
		hp.Kinds = append(hp.Kinds, address)
		for _, k := range a.owned[h.Name] {
			if k.Kind == "packages" && len(h.Packages) == 0 || k.Kind == "httpd" && h.HTTPD == nil || k.Kind == "sysctl" && h.Sysctls == nil {
				hp.Kinds = append(hp.Kinds, k)
			}
		}
		p.Hosts = append(p.Hosts, hp)
	}
	return p, nil
}

func text(t *testing.T, r *discover.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := hcl.Write(&b, r.Cluster, r.Comments); err != nil {
		t.Fatal(err)
	}
	if _, diags := hcl.Parse("found", b.Bytes(), hcl.Options{}); len(diags) > 0 {
		t.Errorf("%s (%s)\n%s", diags[0].Summary, diags[0].Detail, b.String())
	}
	return b.String()
}

func TestDirectRouting(t *testing.T) {
	a := &agents{dhcp: "10.254.0.2/16", noDNS: "node2", owned: map[string][]wire.KindChanges{
		"lb":    {{Kind: "packages", Changes: []step.Change{{Action: step.Delete, ID: step.ID{Key: "ipvsadm", Field: "installed"}}}}},
		"node1": {{Kind: "httpd", Changes: []step.Change{{Action: step.Delete, ID: step.ID{Key: "/var/www/html/index.html", Field: step.ContentField}, From: "hello\n"}}}},
	}}
	r, err := discover.Make("web", []discover.Host{
		host("node1", "192.0.2.1", "eth0 192.0.2.20/24 fe80::1/64", "lo 127.0.0.1/8 192.0.2.100/32"),
		director("lb", "192.0.2.1", drRules, "eth0 192.0.2.10/24 192.0.2.100/32", "mgmt 10.254.0.2/16"),
		host("node2", "192.0.2.1", "eth0 192.0.2.30/24"),
	}, a.compare)
	if err != nil {
		t.Fatal(err)
	}
	want := `# Discovered on node1, lb, node2.
# lb: mgmt with 10.254.0.2/16 is left alone: its address is not kept in a file
#   as lvsup would keep it. An interface block makes it static.

cluster "web" {
  forwarding = "dr"
}

director "lb" {
  interface "eth0" {
    address = "192.0.2.10/24"
    gateway = "192.0.2.1"
    dns     = ["192.0.2.53"]
  }
  packages = ["ipvsadm"]
}

real_server "node1" {
  interface "eth0" {
    address = "192.0.2.20/24"
    gateway = "192.0.2.1"
    dns     = ["192.0.2.53"]
  }
  httpd {
    index = "hello"
  }
}

real_server "node2" {
  interface "eth0" {
    address = "192.0.2.30/24"
    gateway = "192.0.2.1"
  }
}
`
	got := text(t, r)
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant it to begin with\n%s", got, want)
	}
	if len(r.Warnings) != 1 || a.asked > 8 {
		t.Errorf("warnings %q after %d questions", r.Warnings, a.asked)
	}
	for _, b := range r.Cluster.Services[0].Backends {
		if b.Host == "" {
			t.Errorf("backend %s has no host", b.Address)
		}
	}
}

// TestUnlikely holds that what the plan language refuses becomes backends that are
// addresses only, and a host without a static address too.
func TestUnlikely(t *testing.T) {
	a := &agents{dhcp: "192.0.2.30/24"}
	r, err := discover.Make("web", []discover.Host{
		director("lb", "192.0.2.1", drRules, "eth0 192.0.2.10/24"),
		host("node1", "", "eth0 192.0.2.20/24"),
		host("node2", "", "eth0 192.0.2.30/24"),
	}, a.compare)
	if err != nil {
		t.Fatal(err)
	}
	backends := r.Cluster.Services[0].Backends
	if backends[0].Host != "node1" || backends[1].Host != "" || len(r.Cluster.Hosts) != 2 {
		t.Errorf("backends %+v", backends)
	}
	if got := text(t, r); !strings.Contains(got, "node2 is not in the plan") {
		t.Errorf("nothing says that node2 is left out:\n%s", got)
	}

	nat := strings.NewReplacer("-g", "-m", "192.0.2.100", "198.51.100.9").Replace(drRules)
	r, err = discover.Make("web", []discover.Host{
		director("lb", "198.51.100.1", nat, "eth0 198.51.100.9/24", "eth1 192.0.2.10/24"),
		host("node1", "192.0.2.1", "eth0 192.0.2.20/24"), // whose answers bypass the director
	}, (&agents{}).compare)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, r); !strings.Contains(got, "lvsup leaves them alone") || r.Cluster.Services[0].Backends[0].Host != "" {
		t.Errorf("a real server that the plan language refuses is in the plan:\n%s", got)
	}
}

func TestNoCluster(t *testing.T) {
	one := director("one", "", drRules, "eth0 192.0.2.10/24")
	two := director("two", "", drRules, "eth0 192.0.2.11/24")
	for says, hosts := range map[string][]discover.Host{
		"cannot find a virtual service on node":     {host("node", "", "eth0 192.0.2.20/24")},
		"cannot make one plan of one and two: both": {one, two},
	} {
		if _, err := discover.Make("web", hosts, (&agents{}).compare); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

package hcl_test

import (
	"strings"
	"testing"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans"
)

const small = `cluster "web" {
  forwarding = "dr"
}

director "lb" {
  interface "ens33" {
    address = "10.0.0.1/24"
    dns     = ["10.0.0.53", cidrhost("10.0.0.0/24", 54)]
    ifcfg = {
      ZONE   = "a"
      "TYPE" = "Ethernet"
    }
  }
  packages = ["one", "two"]
  sysctl   = { "net.ipv4.vs.conntrack" = 1 }
}

real_server "node1" {
  interface "ens33" {
    address = "10.0.0.2/24"
  }
}

virtual_service "web" {
  address = "10.0.0.100"
  port    = 80
  persistence {
    timeout = "10s"
  }
  backend {
    host = real_server.node1
  }
}
`

// Every part of a cluster knows where it stood, attribute by attribute and
// element by element.
func TestSourcesPointIntoThePlan(t *testing.T) {
	c, diags := hcl.Parse("small.hcl", []byte(small), hcl.Options{})
	if len(diags) > 0 {
		t.Fatalf("unexpected diagnostics: %v", diags)
	}
	lb, web := c.Hosts[0], c.Services[0]
	for _, test := range []struct {
		source plans.Source
		key    string
		want   string
	}{
		{c.Source, "", `cluster "web"`},
		{c.Source, "forwarding", `"dr"`},
		{lb.Source, "", `director "lb"`},
		{lb.Source, "packages.1", `"two"`},
		{lb.Source, "packages", `["one", "two"]`},
		{lb.Source, "sysctl.net.ipv4.vs.conntrack", `"net.ipv4.vs.conntrack" = 1`},
		{lb.Interfaces[0].Source, "", `interface "ens33"`},
		{lb.Interfaces[0].Source, "address", `"10.0.0.1/24"`},
		{lb.Interfaces[0].Source, "dns.1", `cidrhost("10.0.0.0/24", 54)`},
		{lb.Interfaces[0].Source, "ifcfg.ZONE", `ZONE   = "a"`},
		{lb.Interfaces[0].Source, "ifcfg.TYPE", `"TYPE" = "Ethernet"`},
		{web.Source, "port", `80`},
		{web.Source, "scheduler", `virtual_service "web"`}, // not written: the header
		{web.Persistence.Source, "timeout", `"10s"`},
		{web.Backends[0].Source, "host", `real_server.node1`},
	} {
		r := test.source.At(test.key)
		if got := small[r.Start.Byte:r.End.Byte]; got != test.want {
			t.Errorf("%q stood at %s: %q, want %q", test.key, r, got, test.want)
		}
		lines := strings.Split(small, "\n")
		if got := lines[r.Start.Line-1][r.Start.Column-1:]; !strings.HasPrefix(got, strings.Split(test.want, "\n")[0]) {
			t.Errorf("%q: line %d column %d is %q, want %q", test.key, r.Start.Line, r.Start.Column, got, test.want)
		}
	}
}

// Columns count characters as a person does, whatever their bytes.
func TestColumnsCountCharacters(t *testing.T) {
	src := "cluster \"web\" {}\nhost \"a\" {\n  packages = [\"包é\", 5]\n}\n"
	_, diags := hcl.Parse("p.hcl", []byte(src), hcl.Options{})
	for _, d := range diags {
		if d.Summary == `Wrong value for "packages"` {
			if got := d.Subject.String(); got != "p.hcl:3:21" {
				t.Errorf("the 5 is at %s, want p.hcl:3:21", got)
			}
			return
		}
	}
	t.Fatalf("nothing said about the 5: %v", diags)
}

// Mistakes come in the order of the text, each once, all at once.
func TestDiagnosticsAreSortedAndComplete(t *testing.T) {
	src := `cluster "web" {
  colour = 1
}
host "a" {
  interface "ens33" {
    address = "10.0.0.1"
    gateway = "x"
  }
  interface "e 1" {
    address = local.missing
  }
}
locals {
  b = upper(1, 2)
}
`
	c, diags := hcl.Parse("p.hcl", []byte(src), hcl.Options{})
	if c != nil {
		t.Error("a cluster in spite of errors")
	}
	var lines []int
	for _, d := range diags {
		lines = append(lines, d.Subject.Start.Line)
	}
	want := []int{2, 6, 7, 9, 10, 14}
	if len(lines) != len(want) {
		t.Fatalf("mistakes on lines %v, want %v", lines, want)
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Fatalf("mistakes on lines %v, want %v", lines, want)
		}
	}
}

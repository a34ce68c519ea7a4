package firstplan

import (
	"strings"
	"testing"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans"
)

// answer gives the answers, each of which must be taken, and the defaults to all
// other questions.
func answer(t *testing.T, answers ...string) *plans.Cluster {
	t.Helper()
	var i Interview
	for n := 0; ; n++ {
		q, more := i.Next()
		if !more {
			break
		}
		text := ""
		if n < len(answers) {
			text = answers[n]
		}
		if diags := i.Answer(text); len(diags) > 0 {
			t.Fatalf("%s: %q is refused: %s (%s)", q.Text, text, diags[0].Summary, diags[0].Detail)
		}
	}
	text, err := i.Plan()
	if err != nil {
		t.Fatal(err)
	}
	c, diags := hcl.Parse("plan", text, hcl.Options{})
	if len(diags) > 0 {
		t.Fatalf("%s: %s\n%s", diags[0].Subject, diags[0].Summary, text)
	}
	return c
}

// TestDefaults holds that Enter alone leads to a plan without a warning, for each
// way of forwarding.
func TestDefaults(t *testing.T) {
	for _, way := range []plans.Forwarding{plans.ForwardDR, plans.ForwardNAT, plans.ForwardTUN} {
		c := answer(t, "", string(way))
		if c.Forwarding != way || len(c.RealServers()) != 2 || len(c.Services[0].Backends) != 2 {
			t.Errorf("%s: %+v", way, c)
		}
	}
}

func TestAnswers(t *testing.T) {
	c := answer(t, "shop", "dr", "lb", "ens3", "2001:db8::5/64", "none", "a b.example c", "", "2001:db8::77/64", "", "2001:db8::80", "443", "sh", "yes")
	var got []string
	for _, h := range c.Hosts {
		got = append(got, h.Name+" "+h.Interfaces[0].Address.String())
	}
	want := "lb 2001:db8::5/64, a 2001:db8::14/64, b.example 2001:db8::77/64, c 2001:db8::28/64"
	if text := strings.Join(got, ", "); text != want {
		t.Errorf("got %s\nwant %s", text, want)
	}
	if s := c.Services[0]; s.Port != 443 || s.Scheduler != "sh" || len(s.Backends) != 3 || c.Hosts[1].HTTPD == nil {
		t.Errorf("%+v", s)
	}
	c = answer(t, "", "nat", "", "", "198.51.100.9/29", "", "ens9", "10.1.0.1/30", "only")
	if got := c.RealServers()[0].Interfaces[0]; got.Address.String() != "10.1.0.2/30" || got.Gateway.String() != "10.1.0.1" {
		t.Errorf("in a small network: %+v", got)
	}
}

// TestRefused holds that a mistake is told at once, and the question stays.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		answers []string // the last one is refused
		says    string
	}{
		{[]string{"no spaces please"}, "spaces"},
		{[]string{"", "drr"}, "drr"},
		{[]string{"", "", "lb", "eth0", "192.168.140.10"}, "prefix length"},
		{[]string{"", "", "lb", "eth0", "192.168.140.300/24"}, "192.168.140.300"},
		{[]string{"", "", "lb", "eth0", "", "10.0.0.1"}, "10.0.0.1"},
		{[]string{"", "", "lb", "", "", "", "a lb"}, "lb"},
		{[]string{"", "", "lb", "", "", "", "a b", "10.0.0.1/24"}, "10.0.0.1"},
		{[]string{"", "", "", "", "", "", "a", "", "192.168.140.20"}, "192.168.140.20"},
		{[]string{"", "", "", "", "", "", "a", "", "", "http"}, "http"},
		{[]string{"", "", "", "", "", "", "a", "", "", "70000"}, "70000"},
		{[]string{"", "", "", "", "", "", "a", "", "", "", "wlcc"}, "wlc"},
		{[]string{"", "", "", "", "", "", "a", "", "", "", "", "perhaps"}, "neither yes nor no"},
		{[]string{"", "nat", "", "", "", "", "", "192.168.146.7/24"}, ""},
	} {
		var i Interview
		for n, text := range tt.answers {
			before, _ := i.Next()
			diags := i.Answer(text)
			if n < len(tt.answers)-1 {
				if len(diags) > 0 {
					t.Errorf("%q: %q is refused: %s", tt.answers, text, diags[0].Summary)
				}
				continue
			}
			if len(diags) == 0 {
				t.Errorf("%q: the last one is taken", tt.answers)
				continue
			}
			if said := diags[0].Summary + " " + diags[0].Detail; !strings.Contains(said, tt.says) {
				t.Errorf("%q: says %s", tt.answers, said)
			}
			if after, _ := i.Next(); after.Text != before.Text {
				t.Errorf("%q: %q is asked next", tt.answers, after.Text)
			}
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add("web\nnat\n\"${x}\n%{\n10.0.0.1/8\n")
	f.Fuzz(func(t *testing.T, text string) {
		var i Interview
		for _, line := range strings.Split(text, "\n") {
			i.Answer(line)
		}
		plan, err := i.Plan()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range second(hcl.Parse("plan", plan, hcl.Options{})) {
			if d.Severity == plans.Error {
				t.Fatalf("%s\n%s", d.Summary, plan)
			}
		}
	})
}

func second(_ *plans.Cluster, diags []plans.Diagnostic) []plans.Diagnostic { return diags }

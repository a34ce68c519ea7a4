package netconf

import (
	"strings"
	"testing"
)

func TestWithNamesWhatIsWrong(t *testing.T) {
	s, err := ParseSettings("ens33", "192.168.140.10/24", "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	six, err := ParseSettings("ens33", "2001:db8::10/64", "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	route := func(r RouteText) Further { return Further{Routes: []RouteText{r}} }
	for _, c := range []struct {
		of   Settings
		more Further
		says string
	}{
		{s, Further{Addresses: []string{"10.0.0.5"}}, "with its prefix length"},
		{s, Further{Addresses: []string{"10.0.0.0/24"}}, "the network itself"},
		{s, Further{Addresses: []string{"192.168.140.10/16"}}, "there twice"},
		{s, Further{MTU: 100}, "from 576 to 65535"},
		{six, Further{MTU: 1000}, "1280 at least"},
		{s, Further{Gateway6: "2001:db8::1"}, "in a network of the interface"},
		{six, Further{Gateway6: "2001:db8::1"}, "it is the gateway"},
		{s, route(RouteText{To: "10.8.0.5/16"}), "write a network"},
		{s, route(RouteText{To: "0.0.0.0/0", Via: "192.168.140.2"}), "the default route"},
		{s, route(RouteText{To: "10.8.0.0/16", Via: "10.0.0.1"}), "a router in a network of the interface"},
		{s, route(RouteText{To: "10.8.0.0/16", Via: "192.168.140.10"}), "a router in a network of the interface"},
		{s, route(RouteText{To: "10.8.0.0/16", Metric: -1}), "from 1 to 4294967295"},
		{s, Further{Routes: []RouteText{{To: "10.8.0.0/16"}, {To: "10.8.0.0/16", Via: "192.168.140.2"}}}, "there twice"},
	} {
		if _, err := c.of.With(c.more); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.more, err)
		}
	}
}

// A route file of numbered assignments has no place for a metric.
func TestNumberedRoutesHaveNoMetric(t *testing.T) {
	r, err := Settings{}.route(RouteText{To: "10.8.0.0/16", Metric: 10})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := EditRoutes("ADDRESS0=10.9.0.0\nNETMASK0=255.255.0.0\n", "ens33", []Route{r}); err == nil || !strings.Contains(err.Error(), "one route a line") {
		t.Errorf("%v", err)
	}
}

// FuzzEditRoutes holds that an edit of any route file gives the wanted route,
// keeps comments and foreign lines, and is done once.
func FuzzEditRoutes(f *testing.F) {
	f.Add("# a\n10.8.0.0/16 via 10.0.0.1\n\n10.9.0.0/16 dev ens33")
	f.Add("to 10.8.0.0/16 via 192.168.140.2 metric x\n10.8.0.0/16 via 192.168.140.2 # b")
	f.Add("ADDRESS0=10.8.0.0\nNETMASK0=16\nGATEWAY0=10.0.0.1\n")
	s, err := ParseSettings("ens33", "192.168.140.10/24", "", nil, nil)
	if err == nil {
		s, err = s.With(Further{Routes: []RouteText{{To: "10.8.0.0/16", Via: "192.168.140.2"}, {To: "10.9.0.0/16"}}})
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content string) {
		once, err := EditRoutes(content, "ens33", s.Routes)
		if err != nil {
			return // a file that no shell can read
		}
		twice, err := EditRoutes(once, "ens33", s.Routes)
		if err != nil || twice != once {
			t.Fatalf("a second edit differs (%v):\n%q\n%q", err, once, twice)
		}
		if numberedRE.MatchString(content) {
			return
		}
		found := 0
		for _, l := range splitLines(once) {
			if w, ok := readRoute(strings.Fields(l)); ok && (s.Routes[0].fits(w, "ens33") || s.Routes[1].fits(w, "ens33")) {
				found++
			}
		}
		if found != len(s.Routes) {
			t.Errorf("%d routes of the plan in %q", found, once)
		}
		for _, l := range splitLines(content) {
			if w, ok := readRoute(strings.Fields(l)); (!ok || w.more) && !strings.Contains(once, strings.TrimSuffix(l, "\n")) {
				t.Errorf("line %q is lost in %q", l, once)
			}
		}
	})
}

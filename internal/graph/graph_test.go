package graph

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/drift"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func load(t testing.TB, path string) *plans.Cluster {
	t.Helper()
	c, files, diags := hcl.Load([]string{path}, hcl.Options{})
	if c == nil {
		var text bytes.Buffer
		_ = hcl.WriteDiagnostics(&text, files, diags, false)
		t.Fatal(text.String())
	}
	return c
}

func write(t testing.TB, p *Picture, f Format) string {
	t.Helper()
	var text bytes.Buffer
	if err := p.Write(&text, f); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; go test ./internal/graph -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; look at what -update makes of it (-file +drawn):\n%s", path, diff)
	}
}

// TestGolden draws each plan in testdata in every format.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hcl")
	if err != nil || len(files) == 0 {
		t.Fatal("no plans", err)
	}
	for _, file := range files {
		p := Of(load(t, file))
		for _, f := range Formats() {
			golden(t, strings.TrimSuffix(file, "hcl")+string(f), write(t, p, f))
		}
	}
}

// TestDocs holds that the pictures in docs are what is drawn of the examples now.
func TestDocs(t *testing.T) {
	for _, name := range []string{"nat", "dr"} {
		p := Of(load(t, "../../plans/examples/"+name+".hcl"))
		golden(t, "../../docs/graph-"+name+".svg", write(t, p, SVG))
	}
}

func difference(kind, key, from, to string) drift.Kind {
	c := step.Change{Action: step.Update, ID: step.ID{Key: key}, From: from, To: to}
	return drift.Kind{Name: kind, Changes: []drift.Difference{{Change: c}}}
}

// seen is the cluster of testdata/thirty.hcl with drift, a host that is down and
// names that try to break out of each format.
func seen(t testing.TB) *Picture {
	c := load(t, "testdata/thirty.hcl")
	found := drift.Cluster{Name: c.Name}
	for _, h := range c.Hosts {
		host := drift.Host{Name: h.Name, Looked: true}
		switch h.Name {
		case "lb":
			host.Kinds = []drift.Kind{difference("ipvs", "TCP 10.20.0.80:80 -> 10.20.1.4:80", "dr weight 0", "dr weight 10")}
		case "web04", "web05":
			host.Kinds = []drift.Kind{difference("sysctl", "net.ipv4.conf.all.arp_ignore", "</title>\"&\x1b[31m", "1")}
		case "web17":
			host.Looked, host.Errors = false, []string{"connect: connection refused"}
		case "web30":
			host.Errors = []string{`cannot read <"a" & 'b'>`}
		}
		found.Hosts = append(found.Hosts, host)
	}
	p := Of(c)
	p.Show(c, found, noon)
	return p
}

func TestLive(t *testing.T) {
	p := seen(t)
	for _, f := range Formats() {
		golden(t, "testdata/live."+string(f), write(t, p, f))
	}
}

// TestWellFormed holds that a picture is XML whatever names and errors are in it,
// and says what it shows to those who do not see it.
func TestWellFormed(t *testing.T) {
	p := seen(t)
	p.Name = "<&\">\x00\xff" + strings.Repeat("x", 70)
	p.Directors[0].Name = "\xff" + strings.Repeat("ü", 300)
	text := write(t, p, SVG)
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{`role="img"`, "<title id=", "<desc id=", "Real server web17", "not reached", "viewBox="} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q", want)
		}
	}
}

// TestNothingOverlaps holds that cards and panels keep apart, and all stay on the page.
func TestNothingOverlaps(t *testing.T) {
	pictures := map[string]*Picture{"live": seen(t)}
	for _, name := range []string{"tun", "fwmark", "thirty", "mixed"} {
		pictures[name] = Of(load(t, "testdata/"+name+".hcl"))
	}
	for name, p := range pictures {
		l := p.layout()
		boxes := []box{l.client.box}
		for _, c := range l.directors {
			boxes = append(boxes, c.box)
		}
		for _, c := range l.pools {
			boxes = append(boxes, c.box)
			for i, n := range c.cards {
				if n.x < c.x || n.right() > c.right() || n.y < c.y || n.bottom() > c.bottom() {
					t.Errorf("%s: card %d is not inside its panel", name, i)
				}
				for _, o := range c.cards[:i] {
					if meet(n.box, o.box) {
						t.Errorf("%s: two cards of a panel overlap", name)
					}
				}
			}
		}
		for i, a := range boxes {
			if a.x < margin || a.y < l.top || a.right() > l.w-margin || a.bottom() > l.bottom+0.01 {
				t.Errorf("%s: box %d is not on the page", name, i)
			}
			for _, b := range boxes[:i] {
				if meet(a, b) {
					t.Errorf("%s: two boxes overlap", name)
				}
			}
		}
		for _, c := range append(l.directors, l.client) {
			checkRows(t, name, c)
		}
		for _, pool := range l.pools {
			checkRows(t, name, &pool.card)
			for _, c := range pool.cards {
				checkRows(t, name, c)
			}
		}
	}
}

func checkRows(t *testing.T, name string, c *card) {
	t.Helper()
	for _, r := range c.rows {
		if r.wide() > c.w-2*c.pad+0.01 {
			t.Errorf("%s: %q does not fit its card", name, r.text)
		}
	}
	for _, in := range c.insets {
		checkRows(t, name, in)
	}
}

func meet(a, b box) bool {
	return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"short":                {"short"},
		"one two three four":   {"one two", "three four"},
		"director-of-rack-17":  {"director-of-", "rack-17"},
		"abcdefghijklmnopqrst": {"abcdefghijk", "lmnopqrst"},
		"":                     {""},
	} {
		if diff := cmp.Diff(want, textFont.wrap(text, 80)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestLetter(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 51: "AZ", 52: "BA", 701: "ZZ", 702: "AAA"} {
		if got := letter(i); got != want {
			t.Errorf("letter(%d) = %q, want %q", i, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Second: "10s", 10 * time.Minute: "10m", 744 * time.Hour: "744h", 90 * time.Second: "1m30s",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}

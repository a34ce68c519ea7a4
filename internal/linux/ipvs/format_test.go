package ipvs

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixture reads what the tests with a real kernel recorded: run them with
// UMLTEST_RECORD=1 to do so again.
func fixture(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/kernel/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPrintsAsIpvsadm(t *testing.T) {
	var table Table
	if err := json.Unmarshal([]byte(fixture(t, "table.json")), &table); err != nil {
		t.Fatal(err)
	}
	conns, _, err := ParseConns(strings.NewReader(fixture(t, "ip_vs_conn")), 0)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]func(*strings.Builder) error{
		"ipvsadm-Ln":  func(w *strings.Builder) error { return WriteTable(w, table) },
		"ipvsadm-Sn":  func(w *strings.Builder) error { return WriteRules(w, table.Services) },
		"ipvsadm-Lnc": func(w *strings.Builder) error { return WriteConns(w, conns) },
	}
	for name, write := range cases {
		var got strings.Builder
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fixture(t, name), got.String()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestEndpointsAsGlibcWritesThem(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":       "192.0.2.1:80",
		"2001:db8::1":     "[2001:db8::1]:80",
		"::1":             "[::1]:80",
		"::102:304":       "[::1.2.3.4]:80",
		"::":              "[::]:80",
		"2001:0:0:1::2":   "[2001:0:0:1::2]:80",
		"2001:db8:0:1::":  "[2001:db8:0:1::]:80",
		"1:0:2:3:4:5:6:7": "[1:0:2:3:4:5:6:7]:80",
	} {
		if got := endpoint(netip.AddrPortFrom(netip.MustParseAddr(in), 80)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

package ipvs

import (
	"os"
	"strings"
	"testing"
)

func TestParseConnsIsBounded(t *testing.T) {
	line := "TCP C0A89201 2C99 C0A89264 0050 C0A8B10A 0050 TIME_WAIT       108\n"
	file := "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n" + strings.Repeat(line, 5)
	conns, more, err := ParseConns(strings.NewReader(file), 3)
	if err != nil || !more || len(conns) != 3 {
		t.Fatalf("got %d entries, more %v, %v", len(conns), more, err)
	}
	var out strings.Builder
	if err := WriteConns(&out, conns[:1]); err != nil {
		t.Fatal(err)
	}
	// The line of the tutorial, section 3.12.
	want := "TCP 01:48  TIME_WAIT   192.168.146.1:11417 192.168.146.100:80 192.168.177.10:80\n"
	if _, got, _ := strings.Cut(out.String(), "destination\n"); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestParseConnsNamesTheBadLine(t *testing.T) {
	for _, bad := range []string{
		"TCP C0A89201 2C99",
		"TCP C0A892 2C99 C0A89264 0050 C0A8B10A 0050 NONE 1",
		"TCP C0A89201 2C999 C0A89264 0050 C0A8B10A 0050 NONE 1",
		"TCP C0A89201 2C99 C0A89264 0050 C0A8B10A 0050 NONE -1",
	} {
		_, _, err := ParseConns(strings.NewReader("header\n"+bad+"\n"), 0)
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseConns(f *testing.F) {
	f.Add("header\nTCP C0A89201 2C99 C0A89264 0050 C0A8B10A 0050 TIME_WAIT       108\n")
	f.Add("header\nUDP 2001:0db8:0000:0000:0000:0000:0000:0001 0035 2001:0db8:0000:0000:0000:0000:0000:0002 0035 C0A8B10A 0035 UDP 5 sip x\n")
	if b, err := os.ReadFile("testdata/kernel/ip_vs_conn"); err == nil {
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, file string) {
		conns, _, err := ParseConns(strings.NewReader(file), 10)
		if len(conns) > 10 {
			t.Error("more entries than asked for")
		}
		for _, c := range conns {
			if !c.Client.IsValid() || !c.Virtual.IsValid() || !c.Backend.IsValid() {
				t.Errorf("an entry without addresses: %+v (%v)", c, err)
			}
		}
	})
}

package facts

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lvsup/lvsup/internal/wire"
)

func TestParseOS(t *testing.T) {
	// As Debian 12 and Rocky Linux 9 ship them.
	debian := "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"
	if got, want := parseOS(debian), (wire.OS{ID: "debian", Version: "12", Pretty: "Debian GNU/Linux 12 (bookworm)"}); got != want {
		t.Errorf("got %+v", got)
	}
	rocky := "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID='9.4'\n# comment\nPRETTY_NAME=Rocky\\ \\\"9\\\"\n"
	if got, want := parseOS(rocky), (wire.OS{ID: "rocky", Like: "rhel centos fedora", Version: "9.4", Pretty: `Rocky "9"`}); got != want {
		t.Errorf("got %+v", got)
	}
}

func FuzzParseOS(f *testing.F) {
	f.Add("ID=\"a\\\nPRETTY_NAME='")
	f.Fuzz(func(t *testing.T, s string) {
		if got := parseOS(s); len(got.ID)+len(got.Like)+len(got.Version)+len(got.Pretty) > 4*maxText {
			t.Errorf("unbounded: %d bytes", len(got.Pretty))
		}
	})
}

func TestClip(t *testing.T) {
	got := clip(strings.Repeat("é", maxText))
	if len(got) > maxText || !utf8.ValidString(got) {
		t.Errorf("got %d bytes, valid %t", len(got), utf8.ValidString(got))
	}
	if got := clip("x" + strings.Repeat("é", maxText)); len(got) != maxText-1 || !utf8.ValidString(got) {
		t.Errorf("cut character: %d bytes, valid %t", len(got), utf8.ValidString(got))
	}
}

func TestParseSystemd(t *testing.T) {
	for out, want := range map[string]int{
		"systemd 252 (252.39-1~deb12u1)\n+PAM +AUDIT\n": 252,
		"systemd 219\n+PAM\n":                           219,
		"systemd 256.4-1.fc41\n":                        256,
		"something else\n":                              0,
		"":                                              0,
	} {
		if got := parseSystemd(out); got != want {
			t.Errorf("%q: got %d, want %d", out, got, want)
		}
	}
}

func TestNameservers(t *testing.T) {
	text := "# made by hand\nsearch example.org\nnameserver 192.0.2.53\n nameserver\t2001:db8::53 # second\nnameserver\nnameserver 192.0.2.54\nnameserver 192.0.2.55\n"
	if got := strings.Join(nameservers(text), " "); got != "192.0.2.53 2001:db8::53 192.0.2.54" {
		t.Errorf("got %q", got)
	}
}

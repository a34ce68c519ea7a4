package shell

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"": "''", "ipvsadm": "ipvsadm", "net.ipv4.ip_forward=1": "net.ipv4.ip_forward=1", "-A": "-A", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "~": "'~'", "a\nb": "'a\nb'",
	} {
		if got := Quote(word); got != want {
			t.Errorf("Quote(%q) = %s, want %s", word, got, want)
		}
	}
	// At the beginning of a line it would be an assignment.
	if got, want := Quote("a=b", "c=d"), "'a=b' c=d"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// FuzzQuote has a real sh read the words back.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "plain", "two words", "it's", `"$HOME" \n`, "`id`", "a\nb", "~", "a=b", "-n", "*", "\xff", "!", "\r"} {
		f.Add(s, "second")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		line := Quote("printf", `%s\0`, a, b)
		out, err := exec.Command("sh", "-c", line).Output()
		if err != nil {
			t.Fatalf("sh -c %q: %v", line, err)
		}
		want := strings.ReplaceAll(a, "\x00", "") + "\x00" + strings.ReplaceAll(b, "\x00", "") + "\x00"
		if string(out) != want {
			t.Errorf("sh read %q from %q, want %q", out, line, want)
		}
	})
}

func TestEveryWordIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ -~\n\t]{0,8}`).Draw(t, "word")
		out, err := exec.Command("sh", "-c", Quote("printf", "%s", word)).Output()
		if err != nil || string(out) != word {
			t.Fatalf("%q: %v", out, err)
		}
	})
}

package hcl

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/plans"
)

func ignores(t *testing.T, text string) ([]Ignore, string, []plans.Diagnostic) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	rules, files, diags := LoadIgnores(path)
	var out bytes.Buffer
	if err := WriteDiagnostics(&out, files, diags, false); err != nil {
		t.Fatal(err)
	}
	return rules, out.String(), diags
}

func TestLoadIgnores(t *testing.T) {
	rules, said, _ := ignores(t, `
ignore {
  host   = "node*"
  kind   = "sysctl"
  key    = "net.ipv4.*"
  reason = "a trial"
  until  = "2026-12-31"
}
`)
	if len(rules) != 1 || said != "" {
		t.Fatalf("got %v, %s", rules, said)
	}
	r := rules[0]
	if r.Host != "node*" || r.Kind != "sysctl" || r.Key != "net.ipv4.*" || r.Reason != "a trial" || r.At.Start.Line != 2 {
		t.Errorf("got %+v", r)
	}
	if last := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC); !last.Before(r.Until) || r.Until.Sub(last) > time.Second {
		t.Errorf("until %s", r.Until)
	}
}

func TestIgnoresMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"ignore {\n  kind = \"sysctl\"\n  until = \"2026-12-31\"\n}":                    `"reason" is required`,
		"ignore {\n  kind = \"sysctl\"\n  reason = \" \"\n  until = \"2026-12-31\"\n}":  "A rule without a reason",
		"ignore {\n  kind = \"sysctl\"\n  reason = \"x\"\n  until = \"tomorrow\"\n}":    `"tomorrow" is no day`,
		"ignore {\n  reason = \"x\"\n  until = \"2026-12-31\"\n}":                       "A rule for everything",
		"ignore {\n  kinds = \"sysctl\"\n  reason = \"x\"\n  until = \"2026-12-31\"\n}": "kinds",
		"ignored {\n}": "ignored",
		"ignore {":     "rules.hcl",
	} {
		rules, said, diags := ignores(t, text)
		if len(rules) > 0 || len(diags) == 0 || !strings.Contains(said, want) {
			t.Errorf("%s\ngives %v and\n%s\nwant %q", text, rules, said, want)
		}
	}
}

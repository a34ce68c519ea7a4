package netconf

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoopback runs every folder of testdata/loopback: stack/case/vips.json, the
// host's files in before/, and in want/ the files of the result, or in error why
// there are none. A case whose name begins with "adopt" must leave every file as it
// is.
func TestLoopback(t *testing.T) {
	cases, err := filepath.Glob("testdata/loopback/*/*/vips.json")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		dir := filepath.Dir(file)
		t.Run(strings.TrimPrefix(dir, "testdata/loopback/"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var vips []netip.Prefix
			if err := json.Unmarshal(data, &vips); err != nil {
				t.Fatal(err)
			}
			before := tree(t, filepath.Join(dir, "before"))
			plan := func(files map[string]string) (map[string]string, error) {
				l, err := ReadLoopback(newHost(t, files), filepath.Base(filepath.Dir(dir)))
				if err != nil {
					t.Fatal(err)
				}
				return l.Plan(vips)
			}
			got, err := plan(before)
			if refused(t, dir, err) {
				return
			}
			if *update {
				write(t, filepath.Join(dir, "want"), got)
			}
			if d := cmp.Diff(tree(t, filepath.Join(dir, "want")), got); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			for p, content := range got {
				if strings.HasPrefix(filepath.Base(dir), "adopt") && content != before[p] {
					t.Errorf("%s is rewritten", p)
				}
				before[p] = content
			}
			again, err := plan(before)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, again); d != "" {
				t.Errorf("a second plan differs (-first +second):\n%s", d)
			}
		})
	}
}

func TestVersionsOfNetworkManager(t *testing.T) {
	for file, want := range map[string]string{
		"/usr/lib/x86_64-linux-gnu/NetworkManager/1.42.4/libnm-device-plugin-adsl.so": "1.42.4",
		"/usr/lib64/NetworkManager/1.46.0-1.el9/libnm-settings-plugin-ifcfg-rh.so":    "1.46.0",
		"/usr/lib/NetworkManager/conf.d/x":                                            "",
	} {
		if got := versionNM(newHost(t, map[string]string{file: ""})); got != want {
			t.Errorf("%s: %q", file, got)
		}
	}
	for _, pair := range [][2]string{{"1.9", "1.42"}, {"1.40.16", "1.42"}, {"1.42", "1.42.4"}, {"0.9.10", "1.0"}} {
		if !older(pair[0], pair[1]) || older(pair[1], pair[0]) {
			t.Errorf("%s is not older than %s", pair[0], pair[1])
		}
	}
}

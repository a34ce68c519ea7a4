package netconf

import (
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the want folders anew")

// settingsJSON is how a case writes its interfaces.
type settingsJSON struct {
	Name, Address, Gateway string
	DNS                    []string
	Ifcfg                  map[string]string
	Further
}

// TestPlan runs every folder of testdata: stack/case/settings.json, the host's
// files in before/, and in want/ the files of the result. A case whose name
// begins with "adopt" must leave every file as it is.
func TestPlan(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/*/settings.json")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		dir := filepath.Dir(file)
		t.Run(strings.TrimPrefix(dir, "testdata/"), func(t *testing.T) {
			settings := readSettings(t, file)
			before := Files{Content: tree(t, filepath.Join(dir, "before")), ResolvPlain: true}
			if before.Content[ResolvConf] == "-> symlink\n" {
				before.ResolvPlain = false
				delete(before.Content, ResolvConf)
			}
			takeAside(&before, settings)
			stack := filepath.Base(filepath.Dir(dir))
			before.ResolvPlain = before.ResolvPlain && stack != StackNetworkManager
			got, err := Plan(stack, before, settings)
			if refused(t, dir, err) {
				return
			}
			if *update {
				write(t, filepath.Join(dir, "want"), got)
			}
			if d := cmp.Diff(tree(t, filepath.Join(dir, "want")), got); d != "" {
				t.Errorf("files (-want +got):\n%s", d)
			}
			if strings.HasPrefix(filepath.Base(dir), "adopt") {
				for p, content := range got {
					if content != before.Content[p] {
						t.Errorf("%s is rewritten", p)
					}
				}
			}
			// Planning on top of the result changes nothing more.
			for p, content := range got {
				before.Content[p] = content
			}
			again, err := Plan(stack, before, settings)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(got, again); d != "" {
				t.Errorf("a second plan differs (-first +second):\n%s", d)
			}
		})
	}
}

// takeAside makes what Read finds besides of the files that are no boot files:
// hardware addresses, and whether cloud-init is there.
func takeAside(files *Files, settings []Settings) {
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
		mac := "/sys/class/net/" + s.Name + "/address"
		if text, ok := files.Content[mac]; ok {
			files.MAC = map[string]string{s.Name: strings.TrimSpace(text)}
			delete(files.Content, mac)
		}
	}
	const cloud = "/etc/cloud/cloud.cfg"
	_, files.CloudInit = files.Content[cloud]
	delete(files.Content, cloud)
	files.hideSecrets(names)
}

// refused compares an error with the case's file error, which those have that
// must be refused.
func refused(t *testing.T, dir string, err error) bool {
	t.Helper()
	name := filepath.Join(dir, "error")
	if err != nil && *update {
		if err := os.WriteFile(name, []byte(err.Error()+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, readErr := os.ReadFile(name)
	switch {
	case os.IsNotExist(readErr) && err == nil:
		return false
	case readErr != nil && !os.IsNotExist(readErr):
		t.Fatal(readErr)
	case err == nil || err.Error()+"\n" != string(want):
		t.Fatalf("got %v\nwant %s", err, want)
	}
	return true
}

func readSettings(t *testing.T, file string) []Settings {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var raw []settingsJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	var all []Settings
	for _, r := range raw {
		s, err := ParseSettings(r.Name, r.Address, r.Gateway, r.DNS, r.Ifcfg)
		if err == nil {
			s, err = s.With(r.Further)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// tree reads a folder as a host's files by absolute path.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return filepath.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		files[strings.TrimPrefix(p, root)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	for p, content := range files {
		p = filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlanKnowsNoOtherStack(t *testing.T) {
	s, err := ParseSettings("ens33", "192.168.140.10/24", "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Plan(StackUnknown, Files{}, []Settings{s}); err == nil || !strings.Contains(err.Error(), "install one of them") {
		t.Errorf("%v", err)
	}
	if files, err := Plan(StackUnknown, Files{}, nil); err != nil || len(files) != 0 {
		t.Errorf("nothing wanted: %v %v", files, err)
	}
}

func TestParseSettingsNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ name, address, gateway, dns, key, value, says string }{
		{name: "ens 33", address: "10.0.0.1/8", says: "cannot be an interface name"},
		{name: "all", address: "10.0.0.1/8", says: "the kernel keeps that word"},
		{name: "averyveryverylongname", address: "10.0.0.1/8", says: "1 to 15"},
		{name: "ens33", address: "10.0.0.1", says: "with its prefix length"},
		{name: "ens33", address: "10.0.0.0/24", says: "the network itself"},
		{name: "ens33", address: "10.0.0.255/24", says: "broadcast"},
		{name: "ens33", address: "224.0.0.1/24", says: "cannot be a host's address"},
		{name: "ens33", address: "::ffff:10.0.0.1/120", says: "write it as IPv4"},
		{name: "ens33", address: "10.0.0.1/24", gateway: "10.0.1.1", says: "not in the network"},
		{name: "ens33", address: "10.0.0.1/24", gateway: "10.0.0.1", says: "own address"},
		{name: "ens33", address: "10.0.0.1/24", gateway: "gw", says: "write one address"},
		{name: "ens33", address: "10.0.0.1/24", dns: "dns.example", says: "write one address"},
		{name: "ens33", address: "10.0.0.1/24", key: "IPADDR", value: "1.2.3.4", says: "leave it out"},
		{name: "ens33", address: "10.0.0.1/24", key: "DNS1", value: "1.2.3.4", says: "leave it out"},
		{name: "ens33", address: "10.0.0.1/24", key: "PATH", value: "/tmp", says: "would break"},
		{name: "ens33", address: "10.0.0.1/24", key: "A;B", value: "x", says: "capital letters"},
		{name: "ens33", address: "10.0.0.1/24", key: "ZONE", value: "a\nB=c", says: "one line of text"},
	} {
		var dns []string
		if c.dns != "" {
			dns = []string{c.dns}
		}
		more := map[string]string{}
		if c.key != "" {
			more[c.key] = c.value
		}
		_, err := ParseSettings(c.name, c.address, c.gateway, dns, more)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

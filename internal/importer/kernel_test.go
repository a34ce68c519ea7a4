package importer_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/importer"
	"github.com/lvsup/lvsup/plans"
)

// TestKeepalivedAgainstKernel holds that a configuration means what keepalived
// makes of it: the table was recorded from a kernel that keepalived 2.2.7 had set
// up, as lvsup export ipvsadm prints it.
func TestKeepalivedAgainstKernel(t *testing.T) {
	const dir = "testdata/keepalived/kernel/"
	config := imported(t, dir+"input", importer.Keepalived)
	kernel := imported(t, dir+"kernel", importer.IPVSAdm)
	if diff := cmp.Diff(kernel.IPVS, config.IPVS, withoutSources(), addresses()); diff != "" {
		t.Errorf("timeouts (-kernel +configuration):\n%s", diff)
	}
	if diff := cmp.Diff(asKernel(kernel), asKernel(config), withoutSources(), addresses()); diff != "" {
		t.Errorf("(-kernel +configuration):\n%s", diff)
	}
	if len(kernel.Services) < 10 {
		t.Errorf("only %d services were recorded", len(kernel.Services))
	}
}

func imported(t *testing.T, path string, read reader) *plans.Cluster {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	result, err := read(src, importer.Options{File: path})
	if err != nil {
		t.Fatal(err)
	}
	return result.Cluster
}

// asKernel gives the services as a kernel knows them: in no order, without
// names and defaults that backends take over.
func asKernel(c *plans.Cluster) map[string]plans.VirtualService {
	out := map[string]plans.VirtualService{}
	for _, s := range c.Services {
		key := strings.Join([]string{s.Protocol, s.Address.String(), string(rune('0' + s.FWMark)), plans.PortRange{First: s.Port, Last: s.Port}.String()}, " ")
		s.Name, s.Forwarding, s.Tunnel = "", "", plans.Tunnel{}
		s.Backends = slices.Clone(s.Backends)
		slices.SortFunc(s.Backends, func(a, b plans.Backend) int { return a.Address.Compare(b.Address) })
		out[key] = s
	}
	return out
}

package ipvs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// machine makes a host with those files, all empty but for the ones with
// content.
func machine(t *testing.T, content map[string]string, empty ...string) host.Host {
	t.Helper()
	h := host.Host{Root: t.TempDir(), Run: func(_ context.Context, argv ...string) (host.Result, error) {
		return host.Result{Code: 1, Stderr: "modprobe: FATAL: Module " + argv[len(argv)-1] + " not found."}, nil
	}}
	put := func(path, text string) {
		path = h.Path(path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range content {
		put(path, text)
	}
	for _, path := range empty {
		put(path, "")
	}
	return h
}

const ipvsTree = "/lib/modules/6.1.0-13-amd64/kernel/net/netfilter/ipvs/"

func TestSchedulersOfAKernelAreFoundWhereverTheyAre(t *testing.T) {
	h := machine(t, map[string]string{
		"/proc/sys/kernel/osrelease": "6.1.0-13-amd64\n",
		"/lib/modules/6.1.0-13-amd64/modules.builtin": "kernel/net/netfilter/ipvs/ip_vs.ko\n" +
			"kernel/net/netfilter/ipvs/ip_vs_wlc.ko\nkernel/net/ipv4/ip-tunnel.ko\n",
	},
		ipvsTree+"ip_vs.ko", ipvsTree+"ip_vs_rr.ko", ipvsTree+"ip_vs_sh.ko.xz", ipvsTree+"ip_vs_mh.ko.zst",
		ipvsTree+"ip_vs_sed.ko.gz", ipvsTree+"ip_vs_ftp.ko", ipvsTree+"ip_vs_pe_sip.ko.xz",
		"/lib/modules/5.10.0/kernel/net/netfilter/ipvs/ip_vs_twos.ko",
		"/sys/module/ip_vs/parameters/conn_tab_bits", "/sys/module/ip_vs_rr/refcnt", "/sys/module/ip_vs_own/refcnt",
	)
	if diff := cmp.Diff([]string{"mh", "own", "rr", "sed", "sh", "wlc"}, KernelSchedulers(h)); diff != "" {
		t.Error(diff)
	}
	if got := KernelSchedulers(machine(t, nil)); len(got) != 0 {
		t.Errorf("a machine without modules has %v", got)
	}
	err := CheckModules(t.Context(), h, []string{"rr", "wlc", "twos"})
	want := `cannot use scheduler "twos": kernel 6.1.0-13-amd64 has mh, own, rr, sed, sh, wlc:`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s ...", err, want)
	}
	// What is built in needs no modprobe, which this machine cannot do.
	if err := CheckModules(t.Context(), h, []string{"wlc"}); err != nil {
		t.Error(err)
	}
}

func TestSchedulersKnowsThoseOfTheKernel(t *testing.T) {
	if got := strings.Join(Schedulers(), " "); got != "dh fo lblc lblcr lc mh nq ovf rr sed sh twos wlc wrr" {
		t.Errorf("got %s", got)
	}
}

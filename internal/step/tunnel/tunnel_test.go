package tunnel

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/fou"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// fake is a real server: devices that come with their modules, files, and the
// rp_filter that a new device gets.
type fake struct {
	*steptest.Host
	devices map[string]*fakeDevice
	open    []fou.Port
}

type fakeDevice struct {
	up        bool
	mode      string
	checksum  bool
	addresses []netip.Prefix
}

const (
	release = "6.1.0"
	modules = "/lib/modules/" + release
	conf    = "/proc/sys/net/ipv4/conf/"
)

func newFake(t *testing.T) *fake {
	var dep strings.Builder
	for _, m := range []string{"ipip", "sit", "ip6_tunnel", "ip_gre", "ip6_gre", "fou"} {
		dep.WriteString("kernel/net/ipv4/" + m + ".ko:\n")
	}
	f := &fake{devices: map[string]*fakeDevice{}}
	f.Host = steptest.NewHost(t, map[string]string{
		"/proc/sys/kernel/osrelease":       release + "\n",
		"/proc/modules":                    "",
		modules + "/modules.dep":           dep.String(),
		conf + "default/rp_filter":         "1\n",
		"/etc/sysctl.d/README":             "",
		"/etc/modules-load.d/modules.conf": "",
		"/var/lib/lvsup/owned.json":        "{}",
	}, f.command)
	return f
}

func (f *fake) command(argv []string) host.Result {
	if argv[0] == "modprobe" && argv[1] == "--" {
		if err := f.Write(); err != nil {
			return host.Result{Code: 1, Stderr: err.Error()}
		}
		f.load(argv[2])
	}
	return host.Result{}
}

// load makes the device of a module, as the kernel does.
func (f *fake) load(module string) {
	f.Put("/proc/modules", f.Get("/proc/modules")+module+" 16384 0 - Live 0x0\n")
	for _, d := range allDevices() {
		if moduleOf(d) == module {
			f.devices[d] = &fakeDevice{mode: "ip6ip6"}
			f.Put(conf+d+"/rp_filter", f.Get(conf+"default/rp_filter"))
		}
	}
}

func (f *fake) Kind() step.Any { return step.Erase(newKind(f.kind())) }

func (f *fake) kind() kind { return kind{f.Host.Host, f} }

// Snapshot leaves out that a module is loaded, and with it its device as it was
// born: modules stay.
func (f *fake) Snapshot() string {
	var b strings.Builder
	hidden := false
	for line := range strings.Lines(f.Host.Snapshot()) {
		if !strings.HasPrefix(line, "\t") {
			hidden = strings.Contains(line, "/proc/modules") || strings.Contains(line, "0"+"\n") && strings.Contains(line, conf) ||
				slices.ContainsFunc(allDevices(), func(d string) bool { return strings.Contains(line, conf+d+"/") })
		}
		if !hidden {
			b.WriteString(line)
		}
	}
	for _, name := range allDevices() {
		d, filter := f.devices[name], strings.TrimSpace(f.Get(conf+"default/rp_filter"))
		if d == nil {
			d = &fakeDevice{mode: "ip6ip6"}
		} else {
			filter = strings.TrimSpace(f.Get(conf + name + "/rp_filter"))
		}
		fmt.Fprintf(&b, "%s up %v mode %s checksum %v addresses %v rp_filter %s\n", name, d.up, d.mode, d.checksum, d.addresses, filter)
	}
	return b.String() + fmt.Sprint(f.open)
}

func (f *fake) Interfaces() ([]rtnl.Interface, error) {
	all := []rtnl.Interface{{Name: "lo", Loopback: true, Up: true}}
	for _, name := range allDevices() {
		if d := f.devices[name]; d != nil {
			all = append(all, rtnl.Interface{Name: name, Up: d.up, Addresses: d.addresses})
		}
	}
	return all, nil
}

// change does something to a device that is there.
func (f *fake) change(name string, do func(*fakeDevice)) error {
	if f.devices[name] == nil {
		return errors.New("no such device")
	}
	if err := f.Write(); err != nil {
		return err
	}
	do(f.devices[name])
	return nil
}

func (f *fake) SetUp(name string) error {
	return f.change(name, func(d *fakeDevice) { d.up = true })
}

func (f *fake) SetDown(name string) error {
	return f.change(name, func(d *fakeDevice) { d.up = false })
}

func (f *fake) AddAddress(name string, p netip.Prefix) error {
	return f.change(name, func(d *fakeDevice) {
		if !slices.Contains(d.addresses, p) {
			d.addresses = append(slices.Clone(d.addresses), p)
		}
	})
}

func (f *fake) DelAddress(name string, p netip.Prefix) error {
	return f.change(name, func(d *fakeDevice) {
		d.addresses = slices.DeleteFunc(slices.Clone(d.addresses), func(q netip.Prefix) bool { return p == q })
	})
}

func (f *fake) Mode(name string) (string, error) { return f.devices[name].mode, nil }

func (f *fake) SetMode(name, mode string) error {
	return f.change(name, func(d *fakeDevice) { d.mode = mode })
}

func (f *fake) Checksum(name string) (bool, error) { return f.devices[name].checksum, nil }

func (f *fake) SetChecksum(name string, on bool) error {
	return f.change(name, func(d *fakeDevice) { d.checksum = on })
}

func (f *fake) Ports() ([]fou.Port, error) { return f.open, nil }

func (f *fake) AddPort(port uint16, ipv6 bool) error {
	if err := f.Write(); err != nil {
		return err
	}
	f.open = append(f.open, fou.Port{Port: port, IPv6: ipv6, Type: fou.GUE})
	return nil
}

func (f *fake) RemovePort(port uint16, ipv6 bool) error {
	if err := f.Write(); err != nil {
		return err
	}
	f.open = slices.DeleteFunc(f.open, func(p fou.Port) bool { return p.Port == port && p.IPv6 == ipv6 })
	return nil
}

func tunnels(all ...Tunnel) Desired { return Desired{Tunnels: all} }

func TestConform(t *testing.T) {
	steptest.Conform(t, func(t *testing.T) steptest.Fake { return newFake(t) }, []steptest.Case{
		{
			Name:  "ipip, then gue too, then gre only",
			Plans: []any{tunnels(Tunnel{Type: ipip}), tunnels(Tunnel{Type: ipip}, Tunnel{Type: gue, Port: 6080}), tunnels(Tunnel{Type: gre})},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).devices["gre0"].up = false
			},
		},
		{
			Name: "either family in IPv6, and a device that others have up",
			Prepare: func(t *testing.T, f steptest.Fake) {
				f.(*fake).load("ip6_tunnel")
				f.(*fake).devices["ip6tnl0"].up = true
				f.(*fake).Put(conf+"ip6tnl0/rp_filter", "0\n")
			},
			Plans: []any{tunnels(Tunnel{Type: gue, Port: 7000, OuterIPv6: true}, Tunnel{Type: ipip, OuterIPv6: true, InnerIPv6: true})},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).devices["ip6tnl0"].mode = "ip6ip6"
				f.(*fake).open = nil
			},
		},
		{
			Name: "typed by hand, with the VIP on the device",
			Prepare: func(t *testing.T, f steptest.Fake) {
				fake := f.(*fake)
				fake.load("ipip")
				fake.devices["tunl0"].up = true
				fake.devices["tunl0"].addresses = []netip.Prefix{netip.MustParsePrefix("192.168.140.100/32")}
				fake.Put(conf+"tunl0/rp_filter", "2\n")
				for path, text := range bootFiles(tunnels(Tunnel{Type: ipip})) {
					fake.Put(path.Key, text)
				}
			},
			Plans:  []any{tunnels(Tunnel{Type: ipip})},
			Adopts: true,
		},
		{
			Name:  "gre with a checksum, and IPv6 out of it",
			Plans: []any{tunnels(Tunnel{Type: gre, Checksum: true}, Tunnel{Type: gre, OuterIPv6: true, InnerIPv6: true})},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).devices["gre0"].checksum = false
				f.(*fake).devices["gre0"].addresses = nil
			},
		},
	})
}

func TestAKernelWithoutTheModuleIsNamedBeforeAnyChange(t *testing.T) {
	f := newFake(t)
	f.Put(modules+"/modules.dep", "kernel/net/ipv4/ipip.ko:\n")
	for tunnel, module := range map[Tunnel]string{
		{Type: gre}:                   "ip_gre",
		{Type: gue, Port: 1}:          "fou",
		{Type: ipip, InnerIPv6: true}: "sit",
	} {
		_, err := f.kind().observe(context.Background(), tunnels(tunnel), nil)
		if err == nil || !strings.Contains(err.Error(), "kernel "+release+" has no module "+module) {
			t.Errorf("%v: %v", tunnel, err)
		}
	}
	f.load("ipip")
	delete(f.devices, "tunl0")
	if _, err := f.kind().observe(context.Background(), tunnels(Tunnel{Type: ipip}), nil); err == nil || !strings.Contains(err.Error(), "fb_tunnels_only_for_init_net") {
		t.Errorf("module without a device: %v", err)
	}
}

func TestAPortOfOthersIsLeftAlone(t *testing.T) {
	f := newFake(t)
	f.load("fou")
	f.open = []fou.Port{{Port: 6080, Type: "ipproto 4"}}
	want := tunnels(Tunnel{Type: gue, Port: 6080})
	have, err := f.kind().observe(context.Background(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := Diff(want, nil, have)
	i := slices.IndexFunc(changes, func(c step.Change) bool { return c.Key == "udp port 6080" })
	if i < 0 || !strings.Contains(changes[i].Blocked, "ipproto 4") {
		t.Errorf("changes: %+v", changes)
	}
}

func TestRestore(t *testing.T) {
	f := newFake(t)
	if err := f.kind().restore(context.Background()); err != nil || len(f.Ran) > 0 {
		t.Errorf("without a file: %v, ran %v", err, f.Ran)
	}
	want := tunnels(Tunnel{Type: ipip}, Tunnel{Type: gue, Port: 6080})
	f.Put(StateFile, encode(want))
	for range 2 {
		if err := f.kind().restore(context.Background()); err != nil {
			t.Fatal(err)
		}
		d := f.devices["tunl0"]
		if !d.up || len(d.addresses) != 1 || f.Get(conf+"tunl0/rp_filter") != "2\n" || len(f.open) != 1 {
			t.Errorf("restored: %s", f.Snapshot())
		}
	}
	if _, err := os.Stat(f.Path(ModulesFile)); err == nil {
		t.Error("it wrote boot files")
	}
	f.Put(StateFile, `{"version":2}`)
	if err := f.kind().restore(context.Background()); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer file: %v", err)
	}
}

func TestCommands(t *testing.T) {
	f, want := newFake(t), tunnels(Tunnel{Type: gue, Port: 6080}, Tunnel{Type: gre, Checksum: true})
	have, err := f.kind().observe(context.Background(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range Diff(want, nil, have) {
		if c.Field != step.ContentField {
			got = append(got, Commands(want, c)...)
		}
	}
	if diff := cmp.Diff([]string{
		"modprobe ip_gre", "ip link set gre0 up",
		"modprobe ipip", "ip link set tunl0 up",
		"ip tunnel change gre0 mode gre icsum",
		"ip addr add 127.76.86.83/32 dev gre0 scope host",
		"ip addr add 127.76.86.83/32 dev tunl0 scope host",
		"sysctl -w net.ipv4.conf.gre0.rp_filter=2",
		"sysctl -w net.ipv4.conf.tunl0.rp_filter=2",
		"modprobe fou", "ip fou add port 6080 gue",
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestValidate(t *testing.T) {
	for want, bad := range map[string]Desired{
		`type: "vxlan" is not`:        tunnels(Tunnel{Type: "vxlan"}),
		"port: gue needs one":         tunnels(Tunnel{Type: gue}),
		"port: ipip has none":         tunnels(Tunnel{Type: ipip, Port: 9}),
		"checksum: the device of gue": tunnels(Tunnel{Type: gue, Port: 9, Checksum: true}),
		"checksum: ip6gre0":           tunnels(Tunnel{Type: gre, OuterIPv6: true, Checksum: true}),
		"it is there twice":           tunnels(Tunnel{Type: gre}, Tunnel{Type: gre}),
		"gre0 takes gre packets":      tunnels(Tunnel{Type: gre}, Tunnel{Type: gre, InnerIPv6: true, Checksum: true}),
	} {
		if err := Validate(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", bad, err, want)
		}
	}
}

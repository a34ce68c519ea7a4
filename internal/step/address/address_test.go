package address

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

const debianInterfaces = "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n"

// fake is a host with a model of the kernel's interfaces and routes.
type fake struct {
	*steptest.Host
	links  []rtnl.Interface
	routes []rtnl.Route
	killed []int
	// started are the commands that a rollback started again.
	started [][]string
	leased  time.Duration // of the last lease that a rollback brought back
}

func newFake(t *testing.T, files map[string]string, links ...rtnl.Interface) *fake {
	t.Helper()
	t.Setenv("SSH_CONNECTION", "")
	if _, err := os.Stat("/dev/shm"); err == nil {
		t.Setenv("TMPDIR", "/dev/shm") // every write is synced, which is quick in memory
	}
	lo := rtnl.Interface{Name: "lo", Up: true, Loopback: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}}
	return &fake{Host: steptest.NewHost(t, files, nil), links: append([]rtnl.Interface{lo}, links...)}
}

func debian(t *testing.T) steptest.Fake {
	return newFake(t, map[string]string{
		"/sbin/ifup*":                          "",
		netconf.InterfacesTop:                  debianInterfaces,
		netconf.InterfacesDir + "/.keep":       "",
		netconf.IfState:                        "lo=lo\n",
		netconf.ResolvConf:                     "search lan\nnameserver 192.168.1.1\n",
		"/etc/systemd/network/99-default.link": "",
	}, rtnl.Interface{Name: "ens33", MTU: 1500, MAC: "02:00:00:00:00:01"}, rtnl.Interface{Name: "ens36", MAC: "02:00:00:00:00:02"})
}

func centos(t *testing.T) steptest.Fake {
	return newFake(t, map[string]string{
		"/etc/os-release":              "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\n",
		netconf.IfcfgDir + "/ifcfg-lo": "DEVICE=lo\nIPADDR=127.0.0.1\n",
	}, rtnl.Interface{Name: "ens33", MTU: 1500, MAC: "02:00:00:00:00:01"}, rtnl.Interface{Name: "ens36", MAC: "02:00:00:00:00:02"})
}

func (f *fake) Kind() step.Any { return step.Erase(newKind(f.Host.Host, f, 0)) }

func (f *fake) Snapshot() string {
	var b strings.Builder
	for _, l := range f.links {
		sorted := slices.Clone(l.Addresses)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i].String() < sorted[j].String() })
		fmt.Fprintln(&b, l.Name, l.VLAN, l.Bond, l.Master, l.Up, l.MTU, sorted, l.Dynamic)
	}
	var routes []string // the kernel keeps them in an order of its own
	for _, r := range f.routes {
		routes = append(routes, r.Destination.String()+" "+routeText(r)+"\n")
	}
	slices.Sort(routes)
	b.WriteString(strings.Join(routes, ""))
	return b.String() + f.Host.Snapshot()
}

func (f *fake) link(name string) (*rtnl.Interface, error) {
	for i := range f.links {
		if f.links[i].Name == name {
			return &f.links[i], nil
		}
	}
	return nil, rtnl.Missing(name, f.links)
}

func (f *fake) Interfaces() ([]rtnl.Interface, error) {
	var all []rtnl.Interface
	for _, l := range f.links {
		l.Addresses, l.Dynamic = slices.Clone(l.Addresses), slices.Clone(l.Dynamic)
		all = append(all, l)
	}
	return all, nil
}

func (f *fake) Routes() ([]rtnl.Route, error) { return slices.Clone(f.routes), nil }

func (f *fake) change(name string, do func(*rtnl.Interface) error) error {
	if err := f.Write(); err != nil {
		return err
	}
	l, err := f.link(name)
	if err != nil {
		return err
	}
	return do(l)
}

func (f *fake) AddAddress(ifname string, p netip.Prefix) error {
	return f.change(ifname, func(l *rtnl.Interface) error {
		if !l.Has(p) {
			l.Addresses = append(l.Addresses, p)
		}
		l.Dynamic = slices.DeleteFunc(l.Dynamic, func(q netip.Prefix) bool { return q == p })
		return nil
	})
}

func (f *fake) DelAddress(ifname string, p netip.Prefix) error {
	return f.change(ifname, func(l *rtnl.Interface) error {
		same := func(q netip.Prefix) bool { return q == p }
		l.Addresses, l.Dynamic = slices.DeleteFunc(l.Addresses, same), slices.DeleteFunc(l.Dynamic, same)
		f.routes = slices.DeleteFunc(f.routes, func(r rtnl.Route) bool { return r.Source == p.Addr() })
		if len(l.Addresses) == 0 {
			f.flush(ifname)
		}
		return nil
	})
}

func (f *fake) LeaseAddress(ifname string, p netip.Prefix, valid time.Duration) error {
	f.leased = valid
	return f.change(ifname, func(l *rtnl.Interface) error {
		l.Addresses, l.Dynamic = append(l.Addresses, p), append(l.Dynamic, p)
		return nil
	})
}

func (f *fake) AddRoute(r rtnl.Route) error {
	return f.change(r.Interface, func(l *rtnl.Interface) error {
		if !l.Up || r.Gateway.IsValid() && !slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Contains(r.Gateway) }) {
			return errors.New("network is unreachable")
		}
		f.routes = append(f.routes, r)
		return nil
	})
}

func (f *fake) Start(_ context.Context, _ string, argv []string) error {
	f.started = append(f.started, argv)
	return f.Write()
}

func (f *fake) flush(ifname string) {
	f.routes = slices.DeleteFunc(f.routes, func(r rtnl.Route) bool { return r.Interface == ifname })
}

func (f *fake) AddVLAN(ifname string, v rtnl.VLAN) error {
	return f.change(v.Link, func(l *rtnl.Interface) error {
		if there, ok := rtnl.Find(f.links, ifname); !ok {
			f.links = append(f.links, rtnl.Interface{Name: ifname, Index: len(f.links) + 1, MAC: l.MAC, MTU: l.MTU, VLAN: v})
		} else if there.VLAN != v {
			return errors.New("file exists")
		}
		return nil
	})
}

func (f *fake) DelVLAN(ifname string) error {
	if err := f.Write(); err != nil {
		return err
	}
	f.links = slices.DeleteFunc(f.links, func(l rtnl.Interface) bool { return l.Name == ifname })
	f.flush(ifname)
	return nil
}

func (f *fake) SetBond(ifname string, b rtnl.Bond) error {
	if err := f.Write(); err != nil {
		return err
	}
	if _, ok := rtnl.Find(f.links, ifname); !ok {
		f.links = append(f.links, rtnl.Interface{Name: ifname, Index: len(f.links) + 1, MTU: 1500})
	}
	l, err := f.link(ifname)
	if err != nil {
		return err
	}
	if l.Bond.Remakes(b) && len(l.Bond.Members) > 0 {
		return errors.New("directory not empty")
	}
	for n := range f.links {
		switch m := &f.links[n]; {
		case slices.Contains(b.Members, m.Name) && m.Master != ifname:
			m.Master, m.Up = ifname, true
			f.flush(m.Name)
		case !slices.Contains(b.Members, m.Name) && m.Master == ifname:
			m.Master = ""
		}
	}
	l.Bond = b
	return nil
}

func (f *fake) DelBond(ifname string) error {
	if err := f.Write(); err != nil {
		return err
	}
	f.links = slices.DeleteFunc(f.links, func(l rtnl.Interface) bool { return l.Name == ifname })
	for n := range f.links {
		if f.links[n].Master == ifname {
			f.links[n].Master = ""
		}
	}
	f.flush(ifname)
	return nil
}

func (f *fake) SetUp(ifname string) error {
	return f.change(ifname, func(l *rtnl.Interface) error {
		if below, ok := rtnl.Find(f.links, l.VLAN.Link); ok && !below.Up {
			return errors.New("network is down")
		}
		l.Up = true
		return nil
	})
}

func (f *fake) SetDown(ifname string) error {
	return f.change(ifname, func(l *rtnl.Interface) error { l.Up = false; f.flush(ifname); return nil })
}

func (f *fake) SetMTU(ifname string, mtu int) error {
	return f.change(ifname, func(l *rtnl.Interface) error { l.MTU = mtu; return nil })
}

func (f *fake) ReplaceRoute(r rtnl.Route) error {
	return f.change(r.Interface, func(l *rtnl.Interface) error {
		if !l.Up || r.Gateway.IsValid() && !slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Contains(r.Gateway) }) {
			return errors.New("network is unreachable")
		}
		f.routes = slices.DeleteFunc(f.routes, func(q rtnl.Route) bool { return q.Destination == r.Destination && q.Metric == r.Metric })
		f.routes = append(f.routes, r)
		return nil
	})
}

func (f *fake) DelRoutes(r rtnl.Route, keep []int) error {
	return f.change(r.Interface, func(*rtnl.Interface) error {
		f.routes = slices.DeleteFunc(f.routes, func(q rtnl.Route) bool {
			return q.Destination == r.Destination && q.Interface == r.Interface && q.Gateway == r.Gateway && !slices.Contains(keep, q.Metric)
		})
		return nil
	})
}

func (f *fake) DelRoute(r rtnl.Route) error {
	return f.change(r.Interface, func(*rtnl.Interface) error {
		f.routes = slices.DeleteFunc(f.routes, r.Same)
		return nil
	})
}

// The model's routes have nothing that Route does not know.
func (f *fake) SaveRoutes([]string) ([]rtnl.SavedRoute, error) { return nil, nil }

func (f *fake) RestoreRoutes([]rtnl.SavedRoute, []string) error { return nil }

func (f *fake) Announce(string, netip.Addr) error { return errors.New("no carrier") }

func (f *fake) Kill(pid int) error {
	if err := f.Write(); err != nil {
		return err
	}
	f.killed = append(f.killed, pid)
	return nil
}

// plan is node1 of the tutorial's DR cluster.
func plan() Desired {
	return Desired{Interfaces: []Interface{{
		Name: "ens33", Address: "192.168.140.20/24", Gateway: "192.168.140.2",
		DNS: []string{"114.114.114.114", "8.8.8.8"}, Ifcfg: map[string]string{"ETHTOOL_OPTS": "autoneg on"},
	}}}
}

func two() Desired {
	return Desired{Interfaces: []Interface{
		{Name: "ens33", Address: "192.168.146.100/24"}, {Name: "ens36", Address: "192.168.177.254/24"},
	}}
}

func moved() Desired {
	d := plan()
	d.Interfaces[0].Address, d.Interfaces[0].Gateway, d.Interfaces[0].DNS = "192.168.140.21/24", "192.168.140.1", nil
	return d
}

func typed(t *testing.T, f steptest.Fake) {
	h := f.(*fake)
	h.links[1].Up = true
	h.links[1].Addresses = []netip.Prefix{netip.MustParsePrefix("192.168.140.20/24")}
	if err := h.ReplaceRoute(rtnl.Route{Destination: rtnl.DefaultDestination(false), Gateway: netip.MustParseAddr("192.168.140.2"), Interface: "ens33"}); err != nil {
		t.Fatal(err)
	}
	h.Put(netconf.ResolvConf, "nameserver 114.114.114.114\nnameserver 8.8.8.8\n")
}

func foreign(f steptest.Fake) string {
	h := f.(*fake)
	return fmt.Sprint(h.links[0], h.links[2])
}

func TestConform(t *testing.T) {
	otherDefault := func(t *testing.T, f steptest.Fake) {
		h := f.(*fake)
		h.links[2].Up = true
		h.links[2].Addresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.5/8")}
		h.routes = []rtnl.Route{{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.0.0.1"), Interface: "ens36", Metric: 0}}
	}
	meddle := func(t *testing.T, f steptest.Fake) {
		h := f.(*fake)
		if err := h.DelAddress("ens33", netip.MustParsePrefix("192.168.140.20/24")); err != nil {
			t.Fatal(err)
		}
		h.Put(netconf.ResolvConf, "nameserver 1.1.1.1\n")
	}
	t.Run("ifupdown", func(t *testing.T) {
		steptest.Conform(t, debian, []steptest.Case{
			{Name: "fresh", Plans: []any{plan()}, Foreign: foreign, Meddle: meddle},
			{Name: "two, then one of them", Plans: []any{two(), Desired{Interfaces: two().Interfaces[:1]}}},
			{Name: "moved", Plans: []any{plan(), moved()}, Foreign: foreign},
			{Name: "another default route before", Prepare: otherDefault, Plans: []any{plan()}, Foreign: foreign},
			{Name: "typed by hand", Adopts: true, Plans: []any{plan()}, Meddle: meddle, Prepare: func(t *testing.T, f steptest.Fake) {
				typed(t, f)
				f.(*fake).Put(netconf.InterfacesTop, debianInterfaces+"auto ens33\niface ens33 inet static\n address 192.168.140.20/24\n gateway 192.168.140.2\n")
				f.(*fake).Put(netconf.IfState, "lo=lo\nens33=ens33\n")
			}},
		})
	})
	t.Run("ifcfg", func(t *testing.T) {
		const byHand = "# node1\nTYPE=\"Ethernet\"\nBOOTPROTO=\"none\"\nDEFROUTE=\"yes\"\nNAME=\"ens33\"\nUUID=\"0682810a-3437-4af7-bf07-227ec3d502c8\"\nDEVICE=\"ens33\"\nONBOOT=\"yes\"\nETHTOOL_OPTS=\"autoneg on\"\nIPADDR=192.168.140.20\nNETMASK=255.255.255.0\nGATEWAY=192.168.140.2\nDNS1=114.114.114.114\nDNS2=8.8.8.8\n"
		steptest.Conform(t, centos, []steptest.Case{
			{Name: "fresh", Plans: []any{plan()}, Foreign: foreign, Meddle: meddle},
			{Name: "a file before", Plans: []any{plan(), two()}, Prepare: func(t *testing.T, f steptest.Fake) {
				f.(*fake).Put(netconf.IfcfgDir+"/ifcfg-ens33", "DEVICE=ens33\nBOOTPROTO=dhcp\nUUID=x\nONBOOT=no")
			}},
			{Name: "typed by hand", Adopts: true, Plans: []any{plan()}, Prepare: func(t *testing.T, f steptest.Fake) {
				typed(t, f)
				f.(*fake).Put(netconf.IfcfgDir+"/ifcfg-ens33", byHand)
			}},
		})
	})
}

package address

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// tagged has VLANs on a card with an address of its own, and on one without.
func tagged() Desired {
	d := plan()
	d.Interfaces = append(d.Interfaces, vlan("vlan20", 20, "ens33", "10.0.20.5/24"), vlan("ens36.30", 30, "ens36", "10.0.30.5/24"))
	d.Interfaces[1].MTU = 1400
	d.Interfaces[2].Routes = []netconf.RouteText{{To: "10.8.0.0/16", Via: "10.0.30.1"}}
	return d
}

func vlan(name string, id int, link, address string) Interface {
	return Interface{Name: name, Address: address, Further: netconf.Further{VLAN: &netconf.VLAN{ID: id, Link: link}}}
}

func networkd(t *testing.T) steptest.Fake {
	return newFake(t, map[string]string{
		"/etc/systemd/system/multi-user.target.wants/systemd-networkd.service": "",
		netconf.NetworkdDir + "/20-lan.network":                                "[Match]\nName=ens36\n[Network]\nDHCP=no\n",
		netconf.ResolvConf:                                                     "nameserver 192.168.1.1\n",
	}, rtnl.Interface{Name: "ens33", MTU: 1500, MAC: "02:00:00:00:00:01"}, rtnl.Interface{Name: "ens36", MTU: 1500, MAC: "02:00:00:00:00:02"})
}

func TestConformVLANs(t *testing.T) {
	both, one := tagged().Interfaces[1:], tagged().Interfaces[1:2]
	untouched := func(f steptest.Fake) string { return fmt.Sprint(f.(*fake).links[0]) }
	made := func(t *testing.T, f steptest.Fake) {
		h := f.(*fake)
		h.links[2].Up = true
		h.links = append(h.links, rtnl.Interface{Name: "ens36.30", Index: 9, Up: true, MTU: 1500, VLAN: rtnl.VLAN{ID: 30, Link: "ens36"}, Addresses: prefixes("10.0.30.5/24")})
	}
	steptest.Conform(t, debian, []steptest.Case{{Name: "two, then one of them", Plans: []any{Desired{Interfaces: both}, Desired{Interfaces: one}}, Foreign: untouched}})
	steptest.Conform(t, networkd, []steptest.Case{{Name: "made by others", Plans: []any{Desired{Interfaces: both[1:]}}, Prepare: made, Foreign: untouched}})
}

// A VLAN is made before it gets its address, and the link below is up before it.
func TestVLANOrder(t *testing.T) {
	f := networkd(t).(*fake)
	want := []string{
		"+ ens36.30 (device):  -> vlan 30 on ens36",
		"~ ens36 (link): down -> up",
		"~ ens36.30 (link): down -> up",
		"+ ens36.30 (10.0.30.5/24):  -> present",
		"+ 10.8.0.0/16 (route):  -> 10.0.30.1 dev ens36.30",
	}
	d := Desired{Interfaces: tagged().Interfaces[2:]}
	changes := diffOf(t, f, d, nil)
	live := slices.DeleteFunc(slices.Clone(changes), isBoot)
	if diff := cmp.Diff(want, brief(live)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if cmds := strings.Join(Commands(d, live[0]), "\n"); cmds != "ip link show dev ens36.30 >/dev/null 2>&1 || ip link add link ens36 name ens36.30 type vlan id 30" {
		t.Error(cmds)
	}
}

// What stands on a VLAN or on the link below it keeps both.
func TestVLANInUse(t *testing.T) {
	f := debian(t).(*fake)
	f.links[2].Up = true
	f.links = append(f.links, rtnl.Interface{Name: "ens36.30", Up: true, VLAN: rtnl.VLAN{ID: 30, Link: "ens36"}, Addresses: prefixes("10.0.30.5/24", "10.9.9.9/32")})
	owned := step.Owned{
		{Key: "ens36.30", Field: FieldDevice}:    {Action: step.Create, After: "vlan 30 on ens36"},
		{Key: "ens36.30", Field: FieldLink}:      {Action: step.Update, Before: down, After: up},
		{Key: "ens36.30", Field: "10.0.30.5/24"}: {Action: step.Create, After: present},
		{Key: "ens36", Field: FieldLink}:         {Action: step.Update, Before: down, After: up},
	}
	want := []string{
		"- ens36.30 (10.0.30.5/24): present -> ",
		". ens36 (link): up -> ",
		". ens36.30 (link): up -> ",
		". ens36.30 (device): vlan 30 on ens36 -> ",
	}
	if diff := cmp.Diff(want, brief(diffOf(t, f, Desired{}, owned))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.links[3].Addresses = prefixes("10.0.30.5/24")
	want = []string{
		"- ens36.30 (10.0.30.5/24): present -> ",
		"< ens36 (link): up -> down",
		". ens36.30 (link): up -> ",
		"- ens36.30 (device): vlan 30 on ens36 -> ",
	}
	if diff := cmp.Diff(want, brief(diffOf(t, f, Desired{}, owned))); diff != "" {
		t.Errorf("alone (-want +got):\n%s", diff)
	}
}

// A device of that name that is another is nobody's to replace, and what carries
// the session is not made to let go of it.
func TestVLANBlocked(t *testing.T) {
	d := Desired{Interfaces: []Interface{vlan("ens36.30", 30, "ens36", "10.0.30.5/24")}}
	blocked := func(f *fake, owned step.Owned, want Desired) string {
		text := ""
		for _, c := range diffOf(t, f, want, owned) {
			text += c.Blocked
		}
		return text
	}
	f := debian(t).(*fake)
	f.links = append(f.links, rtnl.Interface{Name: "ens36.30", VLAN: rtnl.VLAN{ID: 31, Link: "ens36"}})
	if text := blocked(f, nil, d); !strings.Contains(text, "ens36.30 is vlan 31 on ens36; remove it") {
		t.Errorf("another VLAN: %q", text)
	}
	f.links[3].VLAN = rtnl.VLAN{}
	if text := blocked(f, nil, d); !strings.Contains(text, "ens36.30 is there, and is no VLAN; remove it") {
		t.Errorf("no VLAN: %q", text)
	}

	lease := networkd(t).(*fake)
	lease.links[2].Up, lease.links[2].Addresses, lease.links[2].Dynamic = true, prefixes("192.168.1.9/24"), prefixes("192.168.1.9/24")
	t.Setenv("SSH_CONNECTION", "192.168.1.1 50000 192.168.1.9 22")
	if text := blocked(lease, nil, d); !strings.Contains(text, "networkd would let go of that") {
		t.Errorf("on a lease: %q", text)
	}

	over := debian(t).(*fake)
	t.Setenv("SSH_CONNECTION", "192.168.1.1 50000 192.168.1.9 22")
	over.links[2].Up = true
	over.links = append(over.links, rtnl.Interface{Name: "ens36.30", Up: true, VLAN: rtnl.VLAN{ID: 30, Link: "ens36"}, Addresses: prefixes("192.168.1.9/24")})
	owned := step.Owned{
		{Key: "ens36.30", Field: FieldDevice}: {Action: step.Create, After: "vlan 30 on ens36"},
		{Key: "ens36", Field: FieldLink}:      {Action: step.Update, Before: down, After: up},
	}
	for _, c := range diffOf(t, over, Desired{}, owned) {
		if c.Action.Mutates() {
			t.Errorf("a destroy would cut its session: %+v", c)
		}
	}
	over.links[3].Addresses = prefixes("192.168.1.9/24")
	owned[step.ID{Key: "ens36.30", Field: "192.168.1.9/24"}] = step.Entry{Action: step.Create, After: present}
	if text := blocked(over, owned, two()); !strings.Contains(text, "ens36.30 carries this SSH session") {
		t.Errorf("dropped: %q", text)
	}
}

// A rollback takes away the VLANs that a guarded change made.
func TestVLANRollback(t *testing.T) {
	d := Desired{Interfaces: []Interface{vlan("ens36.30", 30, "ens36", "10.0.30.5/24")}}
	d.Interfaces[0].Gateway = "10.0.30.1"
	cmds := takenBack(t, d, func() *fake {
		f := debian(t).(*fake)
		f.links[1].Up, f.links[2].Up, f.links[1].Addresses = true, true, prefixes("192.168.140.131/24")
		f.routes = []rtnl.Route{{Destination: rtnl.DefaultDestination(false), Gateway: netip.MustParseAddr("192.168.140.254"), Interface: "ens33"}}
		return f
	})
	if !slices.Contains(cmds, "ip link delete ens36.30") {
		t.Errorf("by hand: %v", cmds)
	}
}

// takenBack has a guarded apply on a fresh host die after each of its writes, and last
// after none, and holds that the rollback brings everything back. It gives what a person
// would type for it.
func takenBack(t *testing.T, d Desired, fresh func() *fake) []string {
	t.Helper()
	for writes := 0; ; writes++ {
		f := fresh()
		t.Setenv("SSH_CONNECTION", "172.16.0.1 50000 192.168.140.131 22")
		kind, before := newKind(f.Host.Host, f, 0), f.Snapshot()
		live := slices.DeleteFunc(diffOf(t, f, d, nil), isBoot)
		if live[0].Guarded == "" {
			t.Fatalf("nothing guards %v", brief(live))
		}
		snap, err := kind.Guard.Snapshot(context.Background(), live)
		if err != nil {
			t.Fatal(err)
		}
		f.FailAfter(writes)
		_, applyErr := kind.Apply(context.Background(), d, live)
		f.FailAfter(-1)
		if err := kind.Guard.Rollback(context.Background(), snap); err != nil {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		if diff := cmp.Diff(before, f.Snapshot()); diff != "" {
			t.Errorf("after %d writes (-before +after):\n%s", writes, diff)
		}
		if applyErr == nil {
			return kind.Guard.ByHand(snap)
		}
	}
}

package address

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// bonded has a bond of two cards, and a VLAN upon it, which comes first in the plan.
func bonded() Desired {
	bond := Interface{Name: "bond0", Address: "10.0.0.5/24", Gateway: "10.0.0.1", Further: netconf.Further{
		Bond: &netconf.Bond{Mode: "active-backup", Members: []string{"ens36", "ens33"}, MIIMon: 100},
	}}
	return Desired{Interfaces: []Interface{vlan("bond0.20", 20, "bond0", "10.0.20.5/24"), bond}}
}

func spare(f *fake) *fake {
	f.links = append(f.links, rtnl.Interface{Name: "ens37", Index: 7, Up: true, MTU: 1500, MAC: "02:00:00:00:00:07"})
	return f
}

func TestConformBonds(t *testing.T) {
	untouched := func(f steptest.Fake) string { return fmt.Sprint(f.(*fake).links[0]) }
	up := func(t *testing.T, f steptest.Fake) { f.(*fake).links[2].Up = true }
	other := bonded()
	other.Interfaces[1].Bond = &netconf.Bond{Mode: "active-backup", Members: []string{"ens33", "ens37"}, MIIMon: 50, Primary: "ens37"}
	debian3 := func(t *testing.T) steptest.Fake { return spare(debian(t).(*fake)) }
	steptest.Conform(t, debian3, []steptest.Case{{Name: "one, then other members", Plans: []any{bonded(), other}, Prepare: up, Foreign: untouched}})
	steptest.Conform(t, networkd, []steptest.Case{{Name: "networkd", Plans: []any{bonded()}, Foreign: untouched}})
	made := func(t *testing.T, f steptest.Fake) {
		h := f.(*fake)
		h.links[1].Master, h.links[2].Master, h.links[1].Up, h.links[2].Up = "bond0", "bond0", true, true
		h.links = append(h.links, rtnl.Interface{Name: "bond0", Index: 9, Up: true, MTU: 1500, Bond: rtnl.Bond{Mode: "active-backup", Members: []string{"ens33", "ens36"}, MIIMon: 200}})
	}
	steptest.Conform(t, centos, []steptest.Case{{Name: "made by others", Plans: []any{Desired{Interfaces: bonded().Interfaces[1:]}}, Prepare: made, Foreign: untouched}})
}

// A bond is made before the VLAN on it, and taken away after.
func TestBondOrder(t *testing.T) {
	f := networkd(t).(*fake)
	f.links[1].Up = true
	live := slices.DeleteFunc(diffOf(t, f, bonded(), nil), isBoot)
	want := []string{
		"+ bond0 (device):  -> bond active-backup of ens33 ens36, miimon 100",
		"+ bond0.20 (device):  -> vlan 20 on bond0",
		"~ bond0 (link): down -> up",
		"~ ens36 (link): down -> up",
		"~ bond0.20 (link): down -> up",
		"+ bond0 (10.0.0.5/24):  -> present",
		"+ bond0.20 (10.0.20.5/24):  -> present",
		"+ default (gateway):  -> 10.0.0.1 dev bond0",
	}
	if diff := cmp.Diff(want, brief(live)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	typed := Commands(bonded(), live[0])
	if len(typed) != 4 || !strings.Contains(typed[1], "ens36") || typed[3] != "ip link set dev bond0 type bond miimon 100" {
		t.Errorf("%q", typed)
	}
	owned := step.Owned{
		{Key: "bond0.20", Field: FieldDevice}: {Action: step.Create, After: "vlan 20 on bond0"},
		{Key: "bond0", Field: FieldDevice}:    {Action: step.Create, After: "bond active-backup of ens33 ens36, miimon 100"},
		{Key: "ens36", Field: FieldLink}:      {Action: step.Update, Before: down, After: up},
	}
	f.links[1].Master, f.links[2].Master, f.links[2].Up = "bond0", "bond0", true
	f.links = append(f.links,
		rtnl.Interface{Name: "bond0", Up: true, Bond: rtnl.Bond{Mode: "active-backup", Members: []string{"ens36", "ens33"}, MIIMon: 100}},
		rtnl.Interface{Name: "bond0.20", Up: true, VLAN: rtnl.VLAN{ID: 20, Link: "bond0"}})
	want = []string{
		"< ens36 (link): up -> down",
		"- bond0.20 (device): vlan 20 on bond0 -> ",
		"- bond0 (device): bond active-backup of ens33 ens36, miimon 100 -> ",
	}
	if diff := cmp.Diff(want, brief(diffOf(t, f, Desired{}, owned))); diff != "" {
		t.Errorf("taken away (-want +got):\n%s", diff)
	}
}

// What is somebody's own, or carries the session, does not become a member.
func TestBondBlocked(t *testing.T) {
	d := Desired{Interfaces: bonded().Interfaces[1:]}
	bond0 := rtnl.Interface{Name: "bond0", Up: true, MTU: 1500, Bond: rtnl.Bond{Mode: "active-backup", Members: []string{"ens33", "ens36"}, MIIMon: 100}}
	for says, prepare := range map[string]func(*fake) step.Owned{
		"ens36 has 10.9.9.9/24, and a member": func(f *fake) step.Owned {
			f.links[2].Addresses = prefixes("10.9.9.9/24")
			return nil
		},
		"ens36 has ens36.7, and a member": func(f *fake) step.Owned {
			f.links = append(f.links, rtnl.Interface{Name: "ens36.7", VLAN: rtnl.VLAN{ID: 7, Link: "ens36"}})
			return nil
		},
		"ens36 belongs to br0": func(f *fake) step.Owned {
			f.links[2].Master = "br0"
			return nil
		},
		"ens33 carries this SSH session": func(f *fake) step.Owned {
			t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.131 22")
			f.links[1].Up, f.links[1].Addresses, f.links[1].Dynamic = true, prefixes("192.168.140.131/24"), prefixes("192.168.140.131/24")
			return nil
		},
		"bond0 is there, and is no bond": func(f *fake) step.Owned {
			f.links = append(f.links, rtnl.Interface{Name: "bond0"})
			return nil
		},
		"(ip link delete bond0), and apply again": func(f *fake) step.Owned {
			f.links = append(f.links, bond0)
			f.links[3].Bond.Mode = "balance-rr"
			return nil
		},
		"take bond0 out of the plan": func(f *fake) step.Owned {
			f.links = append(f.links, bond0)
			f.links[3].Bond.Mode = "balance-rr"
			return step.Owned{{Key: "bond0", Field: FieldDevice}: {Action: step.Create, After: f.links[3].Bond.String()}}
		},
	} {
		t.Setenv("SSH_CONNECTION", "")
		f := debian(t).(*fake)
		owned, text := prepare(f), ""
		for _, c := range diffOf(t, f, d, owned) {
			text += c.Blocked
		}
		if !strings.Contains(text, says) {
			t.Errorf("%q is not in %q", says, text)
		}
	}
	// A lease goes with its client.
	f := debian(t).(*fake)
	f.links[2].Up, f.links[2].Addresses, f.links[2].Dynamic = true, prefixes("10.9.9.9/24"), prefixes("10.9.9.9/24")
	for _, c := range diffOf(t, f, d, nil) {
		if c.Blocked != "" {
			t.Errorf("a lease: %+v", c)
		}
	}
}

// The boot files of a bond that carries the session stay together with it, and those
// of its members too.
func TestBondCarriesTheSession(t *testing.T) {
	f := spare(centos(t).(*fake))
	t.Setenv("SSH_CONNECTION", "172.16.0.1 50000 10.0.0.5 22")
	d := Desired{Interfaces: bonded().Interfaces[1:]}
	f.links[1].Master, f.links[2].Master, f.links[1].Up, f.links[2].Up = "bond0", "bond0", true, true
	f.links = append(f.links, rtnl.Interface{
		Name: "bond0", Up: true, MTU: 1500, Addresses: prefixes("10.0.0.5/24"),
		Bond: rtnl.Bond{Mode: "active-backup", Members: []string{"ens33", "ens36"}, MIIMon: 200},
	})
	f.routes = []rtnl.Route{{Destination: rtnl.DefaultDestination(false), Gateway: netip.MustParseAddr("10.0.0.1"), Interface: "bond0"}}
	changes := diffOf(t, f, d, nil)
	if live := slices.DeleteFunc(slices.Clone(changes), isBoot); live[0].Field != FieldDevice || live[0].Guarded == "" {
		t.Errorf("nothing guards %v", brief(live))
	}
	owned := step.Owned{
		{Key: "bond0", Field: FieldDevice}:                                 {Action: step.Create, After: f.links[4].Bond.String()},
		{Key: "bond0", Field: "10.0.0.5/24"}:                               {Action: step.Create, After: present},
		{Key: "ens36", Field: FieldLink}:                                   {Action: step.Update, Before: down, After: up},
		{Key: netconf.IfcfgDir + "/ifcfg-ens36", Field: step.ContentField}: {Action: step.Create, After: step.EncodeBytes([]byte("DEVICE=ens36\nMASTER=bond0\nSLAVE=yes\n"))},
	}
	if err := os.WriteFile(f.Path(netconf.IfcfgDir+"/ifcfg-ens36"), []byte("DEVICE=ens36\nMASTER=bond0\nSLAVE=yes\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	changes = diffOf(t, f, Desired{Interfaces: []Interface{{Name: "ens37", Address: "10.7.0.1/24"}}}, owned)
	for _, c := range changes {
		if c.Action.Removes() && c.Action.Mutates() && c.Blocked == "" {
			t.Errorf("it would cut the session, or leave the host without it at boot: %+v", c)
		}
	}
}

// A rollback brings everything back, wherever the changes stopped.
func TestBondRollback(t *testing.T) {
	cmds := takenBack(t, bonded(), func() *fake {
		f := spare(debian(t).(*fake))
		f.links[3].Addresses = prefixes("192.168.140.131/24")
		f.links[2].Up = true
		f.routes = []rtnl.Route{{Destination: rtnl.DefaultDestination(false), Gateway: netip.MustParseAddr("192.168.140.254"), Interface: "ens37"}}
		return f
	})
	if vlan, bond := slices.Index(cmds, "ip link delete bond0.20"), slices.Index(cmds, "ip link delete bond0"); vlan < 0 || bond < vlan {
		t.Errorf("by hand: %v", cmds)
	}
}

package lab

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/plans"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), go test -update writes it anew:\n%s", path, diff)
	}
}

// Each folder of testdata is a lab: how it is laid out, and what is written and
// run from that.
func TestGolden(t *testing.T) {
	for _, test := range []struct {
		name    string
		cluster *plans.Cluster
		inband  bool
	}{
		{"nat", natCluster(), false},
		{"nat-inband", natCluster(), true},
		{"dr", drCluster(), false},
		{"dr-inband", drCluster(), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			top, err := FromCluster(test.cluster, test.inband)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.MarshalIndent(top, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			p := paths{state: "/run/lvsup-lab/" + test.name, disks: "/cache/disks/" + test.name}
			golden(t, test.name+"/topology.json", string(text)+"\n")
			golden(t, test.name+"/ssh_config", sshConfig(test.name, top, p, "/opt/lvsup/bin/lvsup"))
			golden(t, test.name+"/network", networkCommands(top))
			for _, g := range top.Guests {
				golden(t, test.name+"/"+g.Name+".cmdline", strings.Join(guestArgs(g, p, "/cache/image.ext4"), "\n")+"\n")
				golden(t, test.name+"/"+g.Name+".seed", strings.TrimRight(string(seed(g, seedVars{stack: Ifupdown, hostKey: "HOST KEY", authorized: "AUTHORIZED KEY"})), "\n")+"\n")
			}
			for _, b := range top.Bridges {
				if b.DHCP {
					golden(t, test.name+"/udhcpd-"+b.Name+".conf", dhcpConfig(top, b, p))
				}
			}
		})
	}
}

// What the boot script of a guest says to each stack but the default one, whose
// scripts are with the labs.
func TestGoldenStacks(t *testing.T) {
	for _, stack := range Stacks()[1:] {
		for suffix, inband := range map[string]bool{"": false, "-inband": true} {
			top, err := FromCluster(natCluster(), inband)
			if err != nil {
				t.Fatal(err)
			}
			g, _ := top.Guest("master")
			golden(t, "stacks/"+string(stack)+suffix+".seed", stack.everyBoot(*g)+stack.firstBoot(*g))
		}
	}
}

func TestSeedFillsSectors(t *testing.T) {
	top, err := FromCluster(natCluster(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range top.Guests {
		if n := len(seed(g, seedVars{stack: Ifupdown})); n%seedSize != 0 {
			t.Errorf("the boot script of %s has %d bytes: a disk has whole sectors of %d", g.Name, n, seedSize)
		}
	}
}

func TestClientGetsFreeAddresses(t *testing.T) {
	c := drCluster()
	c.Hosts[0].Name = "client" // the name is taken, too
	c.Hosts[1].Interfaces[0].Address = netip.MustParsePrefix("192.168.140.1/24")
	c.Hosts[2].Interfaces[0].DNS = []netip.Addr{netip.MustParseAddr("192.168.140.3")}
	top, err := FromCluster(c, false)
	if err != nil {
		t.Fatal(err)
	}
	client, ok := top.Guest("lvsup-client")
	if !ok || top.Client != "lvsup-client" {
		t.Fatalf("client is %s", top.Client)
	}
	eth0, ok := client.NIC(ClientNIC)
	if !ok {
		t.Fatal("the client is on no network of the plan")
	}
	var got []string
	for _, a := range eth0.Addresses {
		got = append(got, a.Addr().String())
	}
	want := "192.168.140.4 192.168.140.5 192.168.140.6 192.168.140.7 192.168.140.8 192.168.140.9 192.168.140.11 192.168.140.12 192.168.140.13"
	if strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestNetworks(t *testing.T) {
	c := natCluster()
	c.Hosts[2].Interfaces[0].Address = netip.MustParsePrefix("192.168.177.20/25") // the same wire all the same
	c.Hosts[0].Interfaces = append(c.Hosts[0].Interfaces, nic("ens37", "10.254.3.1/16", ""), nic("ens38", "10.253.0.9/30", "10.253.0.10"))
	top, err := FromCluster(c, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range top.Bridges {
		got = append(got, b.Name+" "+b.Network.String())
	}
	want := []string{"br0 192.168.146.0/24", "br1 192.168.177.0/24", "br2 10.254.0.0/16", "br3 10.253.0.8/30", "mgmt 10.252.0.0/16"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bridges (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("10.253.0.10/30", top.Bridges[3].Addresses[0].String()); diff != "" {
		t.Errorf("gateway that is no host (-want +got):\n%s", diff)
	}
}

// A VLAN is made by the plan, on a card that the lab gives; one that has no network
// gets no lease either.
func TestVLANs(t *testing.T) {
	c := natCluster()
	onCard, alone := nic("ens33.20", "10.0.20.5/24", ""), nic("vlan30", "10.0.30.5/24", "")
	onCard.VLAN, alone.VLAN = &plans.VLAN{ID: 20, Link: "ens33"}, &plans.VLAN{ID: 30, Link: "ens40"}
	c.Hosts[1].Interfaces = append([]plans.Interface{alone, onCard}, c.Hosts[1].Interfaces...)
	for _, inband := range []bool{false, true} {
		top, err := FromCluster(c, inband)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, n := range top.Guests[1].NICs {
			got += n.Name + " " + n.Bridge + "\n"
			if n.Name == "ens40" && n.Lease.IsValid() {
				t.Errorf("ens40 has the lease %s", n.Lease)
			}
		}
		if !strings.HasSuffix(got, "ens33 br1\nens40 trunk\n") {
			t.Errorf("in-band %v:\n%s", inband, got)
		}
	}
	c.Hosts[1].Interfaces = c.Hosts[1].Interfaces[:1]
	if _, err := FromCluster(c, true); err == nil || !strings.Contains(err.Error(), "no VLAN and no bond") {
		t.Errorf("got error %v", err)
	}
}

func TestLayoutErrors(t *testing.T) {
	for name, test := range map[string]struct {
		spoil  func(c *plans.Cluster)
		inband bool
		want   string
	}{
		"no hosts":       {func(c *plans.Cluster) { c.Hosts = nil }, false, "the plan has no hosts"},
		"kernel's name":  {func(c *plans.Cluster) { c.Hosts[1].Interfaces[0].Name = "vec1" }, false, "host node1: a lab needs the interface name vec1"},
		"the lab's name": {func(c *plans.Cluster) { c.Hosts[1].Interfaces[0].Name = "mgmt" }, false, "host node1: a lab needs the interface name mgmt"},
		"no address":     {func(c *plans.Cluster) { c.Hosts[0].Interfaces[1].Address = netip.Prefix{} }, false, "interface ens36 has no address"},
		"full network":   {func(c *plans.Cluster) { fill(c) }, false, "network 192.168.146.96/30 has no free address"},
		"IPv6 in-band":   {func(c *plans.Cluster) { c.Hosts[0].Interfaces[0] = nic("ens33", "2001:db8::1/64", "") }, true, "leave out --inband"},
		"unreached":      {func(c *plans.Cluster) { c.Hosts[2].Interfaces = nil }, true, "host node2 has no interface with an address"},
		"all of 10/8":    {func(c *plans.Cluster) { c.Hosts[0].Interfaces[0] = nic("ens33", "10.1.1.1/8", "") }, false, "use --inband"},
	} {
		t.Run(name, func(t *testing.T) {
			c := natCluster()
			test.spoil(c)
			_, err := FromCluster(c, test.inband)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

// fill leaves no address in the VIP's network.
func fill(c *plans.Cluster) {
	c.Hosts[0].Interfaces[0] = nic("ens33", "192.168.146.97/30", "192.168.146.98")
	c.Services[0].Address = netip.MustParseAddr("192.168.146.97")
}

func TestClientFromSSHConfig(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		text, want string
		ok         bool
	}{
		"lab":    {"# lvsup lab nat\n# lvsup-lab-client: client\n\nHost master\n", "client", true},
		"person": {"Host master\n\tUser root\n", "", false},
		"late":   {"#\n#\n#\n# lvsup-lab-client: client\n", "", false},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := ClientFromSSHConfig(path); got != test.want || ok != test.ok {
			t.Errorf("%s: got %q, %t", name, got, ok)
		}
	}
	if _, ok := ClientFromSSHConfig(filepath.Join(dir, "none")); ok {
		t.Error("a missing file names a client")
	}
}

func TestOverlayHasNoSurprises(t *testing.T) {
	dir := t.TempDir()
	if err := applyOverlay(dir, Ifupdown); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"etc/network/interfaces", "etc/ssh/sshd_config", "etc/systemd/system/lab-boot.service"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
	for _, stack := range []Stack{Networkd, NetworkManager, Netplan} {
		dir := t.TempDir()
		if err := applyOverlay(dir, stack); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "etc/network")); err == nil {
			t.Errorf("%s: ifupdown's file is there", stack)
		}
		if _, err := os.Stat(filepath.Join(dir, "etc/systemd/system/lab-boot.service.d/udev.conf")); err != nil {
			t.Errorf("%s: %v", stack, err)
		}
	}
}

func TestRecipeHash(t *testing.T) {
	a, err := recipeHash("bookworm", "6.1", Ifupdown)
	if err != nil {
		t.Fatal(err)
	}
	b, err := recipeHash("bookworm", "6.2", Ifupdown)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := recipeHash("bookworm", "6.1", Ifupdown); a != again || a == b {
		t.Errorf("hashes %s, %s again, and %s for another kernel", a, again, b)
	}
	stacks := map[string]Stack{}
	for _, stack := range Stacks() {
		hash, err := recipeHash("bookworm", "6.1", stack)
		if err != nil {
			t.Fatal(err)
		}
		if other, taken := stacks[hash]; taken {
			t.Errorf("%s and %s have one image", other, stack)
		}
		stacks[hash] = stack
	}
}

func TestUnknownStack(t *testing.T) {
	err := Stack("wicked").check()
	if err == nil || !strings.Contains(err.Error(), `"wicked": there are ifupdown, networkd, networkmanager, netplan`) {
		t.Errorf("got error %v", err)
	}
}

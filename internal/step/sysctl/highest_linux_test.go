package sysctl

import (
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/step"
)

// TestTheHigherOfTwo: rp_filter, arp_ignore and arp_announce are the higher of an
// interface's value and that of all, now and at boot.
func TestTheHigherOfTwo(t *testing.T) {
	const at = "/proc/sys/net/ipv4/conf/"
	all, nic, vlan := conf+"all.", conf+"ens33.", conf+"ens33/5."
	for name, tt := range map[string]struct {
		want Desired
		put  map[string]string
		said []string // KEY: FROM -> TO, and a part of why
	}{
		"as wished": {want: settings(nic+"rp_filter", "0")},
		"all is strict": {
			settings(nic+"rp_filter", "0"), map[string]string{at + "all/rp_filter": "1\n"},
			[]string{nic + "rp_filter: 1 -> 0", "the higher of this and net.ipv4.conf.all.rp_filter, which is 1: let the plan's sysctl say net.ipv4.conf.all.rp_filter = 0 too"},
		},
		"all is loose, which is higher": {
			settings(nic+"rp_filter", "1"), map[string]string{at + "all/rp_filter": "2\n"},
			[]string{nic + "rp_filter: 2 -> 1", "which is 2"},
		},
		"all is lower":           {settings(nic+"rp_filter", "2"), map[string]string{at + "all/rp_filter": "1\n"}, nil},
		"the plan lowers all":    {settings(nic+"rp_filter", "0", all+"rp_filter", "0"), map[string]string{at + "all/rp_filter": "1\n"}, nil},
		"another is strict":      {settings(nic+"rp_filter", "0", all+"rp_filter", "0"), map[string]string{at + "ens33.5/rp_filter": "1\n"}, nil},
		"the plan itself":        {settings(nic+"arp_announce", "1", all+"arp_announce", "2"), nil, []string{nic + "arp_announce: 2 -> 1", "which the plan sets to 2"}},
		"strict from boot on":    {settings(nic+"rp_filter", "0"), map[string]string{"/etc/sysctl.d/10-x.conf": "\nnet.ipv4.conf.*.rp_filter = 1\n"}, []string{nic + "rp_filter: 1 -> 0", "which /etc/sysctl.d/10-x.conf:2 sets to 1 at boot"}},
		"strict but for all":     {settings(nic+"rp_filter", "0"), map[string]string{"/etc/sysctl.d/10-x.conf": "net.ipv4.conf.*.rp_filter = 1\n-net.ipv4.conf.all.rp_filter\n"}, nil},
		"quiet":                  {settings(all+"arp_ignore", "1"), map[string]string{at + "ens33/arp_ignore": "2\n"}, nil},
		"answers for a VIP":      {settings(all+"arp_ignore", "1"), map[string]string{at + "ens33.5/arp_ignore": "3\n"}, []string{vlan + "arp_ignore: 3 -> 1", "since it is 3: it answers ARP for a VIP on lo"}},
		"answers nothing":        {settings(all+"arp_ignore", "1"), map[string]string{at + "ens33/arp_ignore": "8\n"}, []string{nic + "arp_ignore: 8 -> 1", "it answers no ARP at all"}},
		"as the plan says":       {settings(all+"arp_ignore", "1", nic+"arp_ignore", "8"), nil, nil},
		"answers from boot on":   {settings(all+"arp_ignore", "1"), map[string]string{"/etc/sysctl.d/x.conf": "net.ipv4.conf.ens33.arp_ignore=3"}, []string{nic + "arp_ignore: 3 -> 1", "/etc/sysctl.d/x.conf:1 sets to 3 at boot"}},
		"lo alone":               {settings(all+"arp_ignore", "1"), map[string]string{at + "lo/arp_ignore": "8\n"}, nil},
		"not a number, not ours": {settings(nic+"rp_filter", "x"), map[string]string{at + "all/rp_filter": "y\n"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			for _, iface := range []string{"all", "default", "lo", "ens33", "ens33.5"} {
				for _, p := range []string{"rp_filter", "arp_ignore", "arp_announce"} {
					f.(fake).Put(at+iface+"/"+p, "0\n")
				}
			}
			for name, text := range tt.put {
				f.(fake).Put(name, text)
			}
			var blocked []step.Change
			for _, c := range diffOf(t, f, tt.want, nil) {
				if c.Blocked != "" {
					blocked = append(blocked, c)
				}
			}
			if len(tt.said) == 0 {
				if len(blocked) > 0 {
					t.Errorf("blocked: %+v", blocked)
				}
				return
			}
			if len(blocked) != 1 {
				t.Fatalf("blocked: %+v", blocked)
			}
			c := blocked[0]
			if got := c.Key + ": " + c.From + " -> " + c.To; got != tt.said[0] || c.Field != effective || !strings.Contains(c.Blocked, tt.said[1]) {
				t.Errorf("got %s, %s\n%s", got, c.Field, c.Blocked)
			}
		})
	}
}

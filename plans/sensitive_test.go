package plans

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// A plan that is shown holds neither the sensitive values nor those in their
// places, and the plan that is carried out stays as it was.
func TestConceal(t *testing.T) {
	c := &Cluster{Hosts: []Host{{
		Name:       "a",
		Sysctls:    map[string]string{"net.ipv4.conf.eth0/1.tag": "5", "net.core.somaxconn": "9"},
		Sensitive:  Sensitive{"sysctl.net.ipv4.conf.eth0/1.tag": true},
		HTTPD:      &HTTPD{Index: "hunter2", Sensitive: Sensitive{"index": true}},
		Interfaces: []Interface{{Name: "ens33", Address: netip.MustParsePrefix("10.0.0.1/24"), Ifcfg: map[string]string{"KEY": "swordfish"}, Sensitive: Sensitive{"ifcfg.KEY": true}}},
	}, {Name: "b"}}}
	content := step.ID{Key: "/etc/file", Field: step.ContentField}
	p := &Plan{Hosts: []HostPlan{{Host: "a", Kinds: []wire.KindChanges{
		{Kind: "httpd", Changes: []step.Change{{Action: step.Update, ID: content, From: "hunter1", To: "hunter2"}}, Commands: [][]string{{"echo hunter2"}}},
		{Kind: "sysctl", Changes: []step.Change{
			{Action: step.Update, ID: step.ID{Key: "net.ipv4.conf.eth0/1.tag", Field: "live"}, From: "4", To: "5"},
			{Action: step.Update, ID: step.ID{Key: "net.core.somaxconn", Field: "live"}, From: "8", To: "9"},
			{Action: step.Create, ID: step.ID{Key: "/etc/sysctl.d/x", Field: step.ContentField}, To: "net.ipv4.conf.eth0/1.tag = 77\nnet.core.somaxconn = 9\n"},
			{Action: step.Update, ID: step.ID{Key: "net.ipv4.ip_forward", Field: "live"}, From: "0", To: "1"},
		}, Commands: [][]string{
			{"sysctl -w net.ipv4.conf.eth0/1.tag=5"}, {"sysctl -w net.core.somaxconn=9"}, {"cat 77"},
			{"sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv4.conf.eth0/1.tag=5"},
		}},
		{Kind: "address", Changes: []step.Change{{Action: step.Update, ID: content, From: "DEVICE=ens33\nKEY=swordfin\n", To: "DEVICE=ens33\nKEY=swordfish\n"}}},
	}}, {Host: "b"}}}
	before, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(Conceal(c, p))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter", "sword", `"4"`, `"5"`, "tag=5", "77"} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("%s is shown: %s", secret, shown)
		}
	}
	for _, open := range []string{`"8"`, `"9"`, "somaxconn=9", "DEVICE=ens33", Concealed} {
		if !strings.Contains(string(shown), open) {
			t.Errorf("%s is not shown: %s", open, shown)
		}
	}
	if after, _ := json.Marshal(p); string(after) != string(before) {
		t.Errorf("the plan itself changed: %s", after)
	}
	text := Redacter(c).Replace("page hunter2, cannot write KEY=swordfish: net.core.somaxconn is 9, tag 5")
	if text != "page "+Concealed+", cannot write KEY="+Concealed+": net.core.somaxconn is 9, tag 5" {
		t.Errorf("redacted: %s", text)
	}
}

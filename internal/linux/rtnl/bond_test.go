package rtnl

import (
	"reflect"
	"testing"
)

func TestBondText(t *testing.T) {
	for text, b := range map[string]Bond{
		"bond active-backup of ens33 ens36, miimon 100, primary ens36":                {Mode: "active-backup", Members: []string{"ens33", "ens36"}, MIIMon: 100, Primary: "ens36"},
		"bond 802.3ad of ens33, miimon 50, lacp_rate fast, xmit_hash_policy layer3+4": {Mode: "802.3ad", Members: []string{"ens33"}, MIIMon: 50, LACPRate: "fast", XmitHashPolicy: "layer3+4"},
		"bond balance-rr of nothing, miimon 0":                                        {Mode: "balance-rr"},
	} {
		if got := b.String(); got != text {
			t.Errorf("%+v is %q, not %q", b, got, text)
		}
		if got, err := ParseBond(text); err != nil || !reflect.DeepEqual(got, b) {
			t.Errorf("%q is %+v, not %+v: %v", text, got, b, err)
		}
	}
	if got := (Bond{Mode: "broadcast", Members: []string{"b", "a"}}).String(); got != "bond broadcast of a b, miimon 0" {
		t.Error(got)
	}
	for _, text := range []string{"", "no bond", "vlan 3 on ens33", "bond 802.3ad of ens33, miimon x", "bond 802.3ad of ens33, updelay 3"} {
		if b, err := ParseBond(text); err == nil {
			t.Errorf("%q: %+v", text, b)
		}
	}
}

package rtnl

import "fmt"

// VLAN is what makes an interface one of IEEE 802.1Q. The zero value is no VLAN.
type VLAN struct {
	ID   int    // 1 to 4094
	Link string // the interface that its frames take, with their tags
}

// String gives "vlan 20 on ens33", and "" of the zero value.
func (v VLAN) String() string {
	if v == (VLAN{}) {
		return ""
	}
	return fmt.Sprintf("vlan %d on %s", v.ID, v.Link)
}

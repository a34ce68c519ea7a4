package plans

import "fmt"

// checkPersist looks at what keeps the VIP for the next boot.
func (v *validator) checkPersist(s *VirtualService) {
	_, wrote := s.Source["persist"]
	_, address := s.Source["address"]
	at := s.Source.At("persist")
	if wrote {
		v.oneOf(at, "persist", s.Persist, PersistRCLocal, PersistNative)
	}
	switch {
	case wrote && !s.Address.IsValid() && !address:
		v.warnAt(at, "There is no VIP to keep", "The service has a mark and no address. Leave persist out.")
		return
	case wrote && !s.KeepVIP:
		v.warnAt(at, "lvsup keeps no VIP for this service", "With keep_vip = false, others put it on the hosts, now and at boot. Leave persist out.")
		return
	case !s.KeepVIP || !s.Address.IsValid():
		return
	}
	for i := range v.cluster.Services {
		other := &v.cluster.Services[i]
		if other == s {
			break // say it once, at the later of the two
		}
		if other.KeepVIP && other.Address == s.Address && (other.Persist == PersistNative) != (s.Persist == PersistNative) {
			v.errorAt(at, fmt.Sprintf("VIP %s is kept in two ways", s.Address), fmt.Sprintf(
				"virtual_service %q has the same VIP with persist = %q (%s), and this one has %q. Write the same in both.",
				other.Name, other.Persist, other.Source.At("persist"), s.Persist))
			return
		}
	}
	for _, d := range v.cluster.Directors() {
		if card := d.vipInterface(s.Address); s.Persist == PersistNative && card != "lo" && !d.declares(s.Address) {
			v.errorAt(at, fmt.Sprintf("The network stack of %s cannot keep %s", d.Name, s.Address), fmt.Sprintf(
				"An IPv6 VIP is on the director's %s, where it must not become the address that %s sends from, and not every stack's files can say so. "+
					"Write persist = \"rc.local\", or list the VIP in the addresses of %s.", card, d.Name, card))
		}
	}
}

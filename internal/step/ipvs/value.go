package ipvs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

const arrow = " -> "

func serviceID(key ipvs.ServiceKey) step.ID { return step.ID{Key: key.String()} }

func backendID(key ipvs.ServiceKey, addr netip.AddrPort) step.ID {
	return step.ID{Key: key.String() + arrow + addr.String()}
}

// isBackend and isFile tell IDs apart; what is neither is a service.
func isBackend(id step.ID) bool { return !isFile(id) && strings.Contains(id.Key, arrow) }
func isFile(id step.ID) bool    { return strings.HasPrefix(id.Key, "/") }

// parseID undoes serviceID and backendID; addr is zero for a service.
func parseID(id step.ID) (key ipvs.ServiceKey, addr netip.AddrPort, err error) {
	service, backend, has := strings.Cut(id.Key, arrow)
	if key, err = ipvs.ParseServiceKey(service); err == nil && has {
		if addr, err = netip.ParseAddrPort(backend); err != nil {
			err = fmt.Errorf("cannot read backend %q: %w", id.Key, err)
		}
	}
	return key, addr, err
}

// serviceValue gives what lvsup manages of a service, in the words of
// `ipvsadm -L`: "rr", "rr persistent 10", "rr persistent 10 mask 255.255.255.0".
func serviceValue(s ipvs.Service) string {
	value := s.Scheduler
	if s.Flags&ipvs.FlagPersistent != 0 {
		value += fmt.Sprintf(" persistent %d", s.Timeout)
		if s.Mask() != ipvs.FullMask(s.Key.Address) {
			value += " mask " + s.Mask().Text(s.Key.Address)
		}
	}
	return value
}

// setService puts what serviceValue wrote into s and leaves the rest of it, so
// that nothing that lvsup does not manage is lost.
func setService(s *ipvs.Service, value string) error {
	words := strings.Fields(value)
	bad := fmt.Errorf("cannot read %q as a service: want SCHEDULER [persistent SECONDS [mask MASK]]", value)
	if len(words) != 1 && len(words) != 3 && len(words) != 5 {
		return bad
	}
	s.Scheduler = words[0]
	s.Flags &^= ipvs.FlagPersistent
	s.Timeout, s.Netmask = 0, 0
	if len(words) >= 3 {
		seconds, err := strconv.ParseUint(words[2], 10, 32)
		if err != nil || words[1] != "persistent" {
			return bad
		}
		s.Flags |= ipvs.FlagPersistent
		s.Timeout = uint32(seconds)
	}
	if len(words) == 5 {
		mask, err := ipvs.ParseNetmask(s.Key.Address, words[4])
		if err != nil || words[3] != "mask" {
			return bad
		}
		s.Netmask = mask
	}
	return nil
}

// backendValue gives what lvsup manages of a backend: "nat weight 1".
func backendValue(d ipvs.Destination) string {
	return fmt.Sprintf("%s weight %d", d.Forwarding, d.Weight)
}

// setBackend puts what backendValue wrote into d and leaves the rest of it.
func setBackend(d *ipvs.Destination, value string) error {
	words := strings.Fields(value)
	bad := fmt.Errorf("cannot read %q as a backend: want FORWARDING weight NUMBER", value)
	if len(words) != 3 || words[1] != "weight" {
		return bad
	}
	forwarding, ok := ipvs.ParseForwarding(words[0])
	weight, err := strconv.ParseUint(words[2], 10, 32)
	if !ok || err != nil {
		return bad
	}
	d.Forwarding, d.Weight = forwarding, uint32(weight)
	return nil
}

// drained gives a backend's value with weight 0, as an interrupted removal
// leaves it.
func drained(value string) string {
	if forwarding, _, ok := strings.Cut(value, " weight "); ok {
		return forwarding + " weight 0"
	}
	return value
}

// tableState flattens a table.
func tableState(table []ipvs.ServiceState) step.State {
	state := step.State{}
	for _, s := range table {
		state[serviceID(s.Key)] = serviceValue(s.Service)
		for _, d := range s.Destinations {
			state[backendID(s.Key, d.Addr())] = backendValue(d.Destination)
		}
	}
	return state
}

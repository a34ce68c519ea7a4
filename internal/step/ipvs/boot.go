package ipvs

import (
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// The files that keep the services for the next boot. The unit that runs
// Restore then is another kind's.
const (
	RulesFile   = "/var/lib/lvsup/ipvs.json"            // what Restore reads
	ModulesFile = "/etc/modules-load.d/lvsup-ipvs.conf" // modules-load.d(5)
)

func contentID(path string) step.ID { return step.ID{Key: path, Field: step.ContentField} }

func modulesContent(want Desired) string {
	return "# Written by lvsup: what its virtual services need.\n" +
		strings.Join(ipvs.Modules(want.modules()), "\n") + "\n"
}

// asHeld gives what the rules file is to hold. A backend that is held stays in
// it as it is, there or not: as the file has it, else as the table has it.
func asHeld(want Desired, have step.State) Desired {
	var kept map[step.ID]Backend // read once there is something held
	services := make([]Service, len(want.Services))
	for i, s := range want.Services {
		services[i] = s
		key, err := s.key()
		if err != nil || !s.holds() {
			continue
		}
		if kept == nil {
			kept = keptBackends(have)
		}
		services[i].Backends = nil
		ids := newBackendIDs(key)
		for _, b := range s.Backends {
			there := true
			if d, err := b.destination(key); b.Hold && err == nil {
				id := ids.of(d.Addr())
				if b, there = kept[id]; !there {
					b, there = liveBackend(id, have)
				}
			}
			if there {
				services[i].Backends = append(services[i].Backends, b)
			}
		}
	}
	want.Services = services
	return want
}

func (s Service) holds() bool {
	for _, b := range s.Backends {
		if b.Hold {
			return true
		}
	}
	return false
}

// keptBackends gives those of the rules file; one that cannot be read has none.
func keptBackends(have step.State) map[step.ID]Backend {
	kept := map[step.ID]Backend{}
	content, err := step.DecodeBytes(have[contentID(RulesFile)])
	if err != nil {
		return kept
	}
	file, err := decodeRules(content)
	if err != nil {
		return kept
	}
	for _, s := range file.Services {
		key, err := s.key()
		if err != nil {
			continue
		}
		ids := newBackendIDs(key)
		for _, b := range s.Backends {
			if d, err := b.destination(key); err == nil {
				kept[ids.of(d.Addr())] = b
			}
		}
	}
	return kept
}

// liveBackend gives a backend as a plan would have to say it for what is there.
func liveBackend(id step.ID, have step.State) (Backend, bool) {
	value, there := have[id]
	key, addr, err := parseID(id)
	if !there || err != nil {
		return Backend{}, false
	}
	d, err := parseBackend(addr, value)
	if err != nil {
		return Backend{}, false
	}
	b := Backend{
		Address: addr.Addr().String(), Port: addr.Port(), Forwarding: d.Forwarding.String(), Weight: int(d.Weight),
		UpperThreshold: int(d.UpperThreshold), LowerThreshold: int(d.LowerThreshold),
	}
	if d.Tunnel != (ipvs.TunnelSettings{}) {
		if int(d.Tunnel.Type) >= len(tunnelWords) || int(d.Tunnel.Flags) >= len(checksumNames) {
			return Backend{}, false
		}
		b.Tunnel = &Tunnel{Type: tunnelWords[d.Tunnel.Type], Port: d.Tunnel.Port, Checksum: checksumNames[d.Tunnel.Flags]}
	}
	_, err = b.destination(key) // what no plan can say is left out
	return b, err == nil
}

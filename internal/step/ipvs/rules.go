package ipvs

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// rulesVersion is the newest schema of RulesFile; a newer one is refused. The
// first knew TCP, UDP and SCTP services with a scheduler and persistence, and
// backends with a forwarding and a weight.
const rulesVersion = 2

// rules is the content of RulesFile.
type rules struct {
	Version  int       `json:"version"`
	Timeouts *Timeouts `json:"timeouts,omitempty"`
	Sync     []Daemon  `json:"sync,omitempty"`
	Services []Service `json:"services"`
}

// encodeRules writes a service a line and a backend a line, so that a
// difference between two of these files reads well.
func encodeRules(want Desired) string {
	size := 256
	for _, s := range want.Services {
		size += 256 + 80*len(s.Backends)
	}
	b := strconv.AppendInt(append(make([]byte, 0, size), `{"version":`...), int64(versionFor(want)), 10)
	b = append(b, ',')
	if want.Timeouts != nil && *want.Timeouts != (Timeouts{}) {
		b = append(append(append(b, "\n\"timeouts\":"...), marshal(want.Timeouts)...), ",\n"...)
	}
	if len(want.Sync) > 0 {
		b = append(append(append(b, "\n\"sync\":"...), marshal(want.Sync)...), ",\n"...)
	}
	b = append(b, `"services":[`...)
	for i, s := range want.Services {
		backends := s.Backends
		s.Backends, s.DrainSeconds = nil, nil // a boot drains nothing
		b = append(comma(b, i), "\n "...)
		line := marshal(s)
		if len(backends) == 0 {
			b = append(b, line...)
			continue
		}
		b = append(append(b, line[:len(line)-1]...), `,"backends":[`...)
		for j, backend := range backends {
			backend.Hold = false
			b = appendBackend(append(comma(b, j), "\n  "...), backend)
		}
		b = append(b, "]}"...)
	}
	return string(append(b, "]}\n"...))
}

// appendBackend writes a backend as json.Marshal does, of which there can be
// thousands: those that are like most without its help.
func appendBackend(b []byte, backend Backend) []byte {
	like := backend
	like.Address, like.Port, like.Forwarding, like.Weight = "", 0, "", 0
	if like != (Backend{}) || !plain(backend.Address) || !plain(backend.Forwarding) {
		return append(b, marshal(backend)...)
	}
	b = append(append(append(b, `{"address":"`...), backend.Address...), '"')
	if backend.Port != 0 {
		b = appendNumber(b, `,"port":`, uint32(backend.Port))
	}
	b = append(append(append(b, `,"forwarding":"`...), backend.Forwarding...), `","weight":`...)
	return append(strconv.AppendInt(b, int64(backend.Weight), 10), '}')
}

// plain reports whether JSON has nothing to escape in s.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > ':') && c != '.' {
			return false
		}
	}
	return true
}

// versionFor gives the oldest version that says it all, so that the file of a
// plan that needs no more stays as an older lvsup wrote it, and an older agent
// does not read half of one.
func versionFor(want Desired) int {
	if len(want.Sync) > 0 || want.Timeouts != nil && *want.Timeouts != (Timeouts{}) {
		return 2
	}
	for _, s := range want.Services {
		if s.FWMark != 0 || len(s.SchedulerFlags) > 0 || s.OnePacket || s.Engine != "" {
			return 2
		}
		for _, b := range s.Backends {
			if b.UpperThreshold != 0 || b.Tunnel != nil && b.Tunnel.Type != "ipip" {
				return 2
			}
		}
	}
	return 1
}

func comma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

// marshal writes plain data, which cannot fail.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// decodeRules reads RulesFile.
func decodeRules(b []byte) (Desired, error) {
	var r rules
	var want Desired
	err := json.Unmarshal(b, &r)
	switch {
	case err != nil:
	case r.Version > rulesVersion:
		err = fmt.Errorf("it has version %d, and this agent knows %d: apply the plan again", r.Version, rulesVersion)
	default:
		want = Desired{Services: r.Services, Timeouts: r.Timeouts, Sync: r.Sync}
		err = Validate(want)
	}
	if err != nil {
		return Desired{}, fmt.Errorf("cannot read %s: %w", RulesFile, err)
	}
	return want, nil
}

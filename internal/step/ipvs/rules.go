package ipvs

import (
	"encoding/json"
	"fmt"
	"strings"
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
	var b strings.Builder
	fmt.Fprintf(&b, "{\"version\":%d,", versionFor(want))
	if want.Timeouts != nil && *want.Timeouts != (Timeouts{}) {
		b.WriteString("\n\"timeouts\":" + marshal(want.Timeouts) + ",\n")
	}
	if len(want.Sync) > 0 {
		b.WriteString("\n\"sync\":" + marshal(want.Sync) + ",\n")
	}
	b.WriteString("\"services\":[")
	for i, s := range want.Services {
		backends := s.Backends
		s.Backends, s.DrainSeconds = nil, nil // a boot drains nothing
		comma(&b, i)
		b.WriteString("\n ")
		line := marshal(s)
		if len(backends) == 0 {
			b.WriteString(line)
			continue
		}
		b.WriteString(strings.TrimSuffix(line, "}") + `,"backends":[`)
		for j, backend := range backends {
			backend.Hold = false
			comma(&b, j)
			b.WriteString("\n  " + marshal(backend))
		}
		b.WriteString("]}")
	}
	b.WriteString("]}\n")
	return b.String()
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

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

// marshal writes plain data, which cannot fail.
func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
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

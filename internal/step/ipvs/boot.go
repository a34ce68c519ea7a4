package ipvs

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// The files that keep the services for the next boot.
const (
	RulesFile   = "/var/lib/lvsup/ipvs.json"                     // what Restore reads
	ModulesFile = "/etc/modules-load.d/lvsup-ipvs.conf"          // modules-load.d(5)
	UnitFile    = "/etc/systemd/system/" + Unit                  // runs Restore
	LinkFile    = "/etc/systemd/system/" + wantedBy + "/" + Unit // enables the unit

	// Unit is the name of the systemd unit.
	Unit     = "lvsup-restore.service"
	wantedBy = "multi-user.target.wants"
)

// unitContent runs the agent once at boot. It comes after Debian's and Red
// Hat's own ipvsadm.service, where somebody uses that: it starts by clearing
// the table.
const unitContent = `# Written by lvsup: brings the virtual services back at boot.
[Unit]
Description=IPVS virtual services kept by lvsup
After=systemd-modules-load.service systemd-sysctl.service network.target ipvsadm.service
ConditionPathExists=` + RulesFile + `

[Service]
Type=oneshot
ExecStart=/usr/local/libexec/lvsup/agent restore

[Install]
WantedBy=multi-user.target
`

type bootFile struct {
	id      step.ID
	content string // the target of LinkFile
}

// bootFiles gives the files in the order in which they are written: the rules
// last, so that what reads them is there.
func bootFiles(want Desired) []bootFile {
	modules := "# Written by lvsup: what its virtual services need.\n" +
		strings.Join(ipvs.Modules(want.schedulers()), "\n") + "\n"
	content := func(path string) step.ID { return step.ID{Key: path, Field: step.ContentField} }
	return []bootFile{
		{content(ModulesFile), modules},
		{content(UnitFile), unitContent},
		{step.ID{Key: LinkFile}, UnitFile},
		{content(RulesFile), encodeRules(want.Services)},
	}
}

// rulesVersion is the schema of RulesFile. A newer one is refused.
const rulesVersion = 1

// rules is the content of RulesFile.
type rules struct {
	Version  int       `json:"version"`
	Services []Service `json:"services"`
}

// encodeRules writes a service a line and a backend a line, so that a
// difference between two of these files reads well.
func encodeRules(services []Service) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{\"version\":%d,\"services\":[", rulesVersion)
	for i, s := range services {
		backends := s.Backends
		s.Backends = nil
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
	err := json.Unmarshal(b, &r)
	switch {
	case err != nil:
	case r.Version > rulesVersion:
		err = fmt.Errorf("it has version %d, and this agent knows %d: apply the plan again", r.Version, rulesVersion)
	default:
		err = Validate(Desired{Services: r.Services})
	}
	if err != nil {
		return Desired{}, fmt.Errorf("cannot read %s: %w", RulesFile, err)
	}
	return Desired{Services: r.Services}, nil
}

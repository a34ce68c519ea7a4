package tunnel

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// The files that bring the tunnels back at boot.
const (
	ModulesFile = "/etc/modules-load.d/lvsup-tunnel.conf" // modules-load.d(5)
	// SysctlFile holds what udev sets when a device appears (sysctl.d(5)), so
	// that it does not undo what lvsup has set.
	SysctlFile = "/etc/sysctl.d/99-lvsup-tunnel.conf"
	StateFile  = "/var/lib/lvsup/tunnel.json" // what Restore reads
)

func files() []string { return []string{ModulesFile, SysctlFile, StateFile} }

func content(path string) step.ID { return step.ID{Key: path, Field: step.ContentField} }

// bootFiles gives the files that keep the tunnels.
func bootFiles(want Desired) step.State {
	state := step.State{
		content(ModulesFile): "# Written by lvsup: what unwraps tunnelled packets.\n" + strings.Join(want.modules(), "\n") + "\n",
		content(StateFile):   encode(want),
	}
	var settings []string
	for device, in := range want.devices() {
		if in.ipv4 {
			settings = append(settings, rpFilter(device)+" = "+loose+"\n")
		}
	}
	if slices.Sort(settings); len(settings) > 0 {
		state[content(SysctlFile)] = "# Written by lvsup: packets come out of these devices whose answers leave by another.\n" + strings.Join(settings, "")
	}
	return state
}

// version is the schema of StateFile. A newer one is refused.
const version = 1

type kept struct {
	Version int      `json:"version"`
	Tunnels []Tunnel `json:"tunnels"`
}

func encode(want Desired) string {
	b, err := json.Marshal(kept{version, want.Tunnels})
	if err != nil {
		panic(err) // plain data
	}
	return string(b) + "\n"
}

func decode(b []byte) (Desired, error) {
	var k kept
	err := json.Unmarshal(b, &k)
	want := Desired{Tunnels: k.Tunnels}
	switch {
	case err != nil:
	case k.Version > version:
		err = fmt.Errorf("it has version %d, and this agent knows %d: apply the plan again", k.Version, version)
	default:
		err = Validate(want)
	}
	if err != nil {
		return Desired{}, fmt.Errorf("cannot read %s: %w", StateFile, err)
	}
	return want, nil
}

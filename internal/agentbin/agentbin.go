// Package agentbin holds the agents that a built lvsup carries: one static
// binary for each machine, gzip-compressed by `make build`.
package agentbin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/wire"
)

//go:embed all:bin
var files embed.FS

// machines maps what `uname -m` prints to Go's name for it.
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// Agent is the agent for one machine.
type Agent struct {
	Machine string // as `uname -m` names it
	Packed  []byte // the binary in gzip
	// Name is what the agent is called on a host: it changes with every byte
	// of the binary.
	Name string
}

// For gives the agent for a machine, as `uname -m` names it.
func For(machine string) (Agent, error) {
	arch, ok := machines[machine]
	if !ok {
		return Agent{}, fmt.Errorf("lvsup has no agent for %q machines, only for %s", machine, strings.Join(supported(), " and "))
	}
	packed, err := files.ReadFile("bin/lvsup-agent-linux-" + arch + ".gz")
	if err != nil {
		return Agent{}, fmt.Errorf("this lvsup was built without its agents: build it with `make build`")
	}
	sum := sha256.Sum256(packed)
	return Agent{Machine: machine, Packed: packed, Name: "agent-" + hex.EncodeToString(sum[:8])}, nil
}

// All gives the agents of all machines. Their names take a while: they are hashes.
func All() ([]Agent, error) {
	var all []Agent
	for _, machine := range supported() {
		a, err := For(machine)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// Checksum is what the binary says of itself in its greeting. gzip has it at its end
// (RFC 1952, 2.3.1), so that nothing has to be unpacked where the binary is already.
func (a Agent) Checksum() (string, error) {
	if len(a.Packed) < 8 {
		return "", fmt.Errorf("cannot read the agent's checksum: it is too short")
	}
	end := a.Packed[len(a.Packed)-8:]
	return wire.Checksum(binary.LittleEndian.Uint32(end), int64(binary.LittleEndian.Uint32(end[4:]))), nil
}

// Open gives the binary to read, from its beginning.
func (a Agent) Open() (io.Reader, error) {
	r, err := gzip.NewReader(bytes.NewReader(a.Packed))
	if err != nil {
		return nil, fmt.Errorf("cannot unpack the agent: %w", err)
	}
	return r, nil
}

// Unpack gives the binary.
func (a Agent) Unpack() ([]byte, error) {
	r, err := a.Open()
	if err != nil {
		return nil, err
	}
	binary, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("cannot unpack the agent: %w", err)
	}
	return binary, nil
}

func supported() []string {
	var names []string
	for m := range machines {
		names = append(names, m)
	}
	slices.Sort(names)
	return names
}

// Package agentbin holds the agents that a built lvsup carries: one static
// binary for each machine, gzip-compressed by `make build`.
package agentbin

import (
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/wire"
)

//go:embed all:bin
var files embed.FS

// machines maps what `uname -m` prints to Go's name for it.
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// Agent is the agent for one machine. It is read from lvsup's own file when it is
// asked for: a run in which every host has it keeps none in memory.
type Agent struct {
	Machine string // as `uname -m` names it
	// Name is what the agent is called on a host: it changes with every byte
	// of the binary.
	Name string

	file string // in files
}

// For gives the agent for a machine, as `uname -m` names it.
func For(machine string) (Agent, error) {
	arch, ok := machines[machine]
	if !ok {
		return Agent{}, fmt.Errorf("lvsup has no agent for %q machines, only for %s", machine, strings.Join(supported(), " and "))
	}
	a := Agent{Machine: machine, file: "bin/lvsup-agent-linux-" + arch + ".gz"}
	packed, err := files.Open(a.file)
	if err != nil {
		return Agent{}, fmt.Errorf("this lvsup was built without its agents: build it with `make build`")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, packed); err != nil {
		return Agent{}, fmt.Errorf("cannot read the agent: %w", err)
	}
	a.Name = "agent-" + hex.EncodeToString(sum.Sum(nil)[:8])
	return a, nil
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

// Packed gives the binary in gzip.
func (a Agent) Packed() ([]byte, error) {
	packed, err := files.ReadFile(a.file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the agent: %w", err)
	}
	return packed, nil
}

// Checksum is what the binary says of itself in its greeting. gzip has it at its end
// (RFC 1952, 2.3.1), so that nothing has to be unpacked where the binary is already.
func (a Agent) Checksum() (string, error) {
	packed, err := files.Open(a.file)
	if err != nil {
		return "", fmt.Errorf("cannot read the agent: %w", err)
	}
	return checksum(packed)
}

func checksum(packed fs.File) (string, error) {
	info, err := packed.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot read the agent's checksum: %w", err)
	}
	at, ok := packed.(io.ReaderAt) // embed documents that its files are
	var end [8]byte
	if !ok || info.Size() < int64(len(end)) {
		return "", errors.New("cannot read the agent's checksum: it is too short")
	}
	if _, err := at.ReadAt(end[:], info.Size()-int64(len(end))); err != nil {
		return "", fmt.Errorf("cannot read the agent's checksum: %w", err)
	}
	return wire.Checksum(binary.LittleEndian.Uint32(end[:]), int64(binary.LittleEndian.Uint32(end[4:]))), nil
}

// Open gives the binary to read, from its beginning.
func (a Agent) Open() (io.Reader, error) {
	packed, err := files.Open(a.file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the agent: %w", err)
	}
	r, err := gzip.NewReader(packed)
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
	program, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("cannot unpack the agent: %w", err)
	}
	return program, nil
}

func supported() []string {
	var names []string
	for m := range machines {
		names = append(names, m)
	}
	slices.Sort(names)
	return names
}

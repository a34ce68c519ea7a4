// Package agentbin holds the agents that a built lvsup carries: one static
// binary for each machine, gzip-compressed by `make build`.
package agentbin

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"
)

//go:embed all:bin
var files embed.FS

// machines maps what `uname -m` prints to Go's name for it.
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// For gives the agent for a machine, as `uname -m` names it, and the same in
// gzip.
func For(machine string) (agent, packed []byte, err error) {
	arch, ok := machines[machine]
	if !ok {
		return nil, nil, fmt.Errorf("lvsup has no agent for %q machines, only for %s", machine, strings.Join(supported(), " and "))
	}
	packed, err = files.ReadFile("bin/lvsup-agent-linux-" + arch + ".gz")
	if err != nil {
		return nil, nil, fmt.Errorf("this lvsup was built without its agents: build it with `make build`")
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot unpack the agent for %s: %w", arch, err)
	}
	agent, err = io.ReadAll(r)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot unpack the agent for %s: %w", arch, err)
	}
	return agent, packed, nil
}

func supported() []string {
	var names []string
	for m := range machines {
		names = append(names, m)
	}
	slices.Sort(names)
	return names
}

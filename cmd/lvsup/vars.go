package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/hcl"
)

// varFlag collects --var and --var-file, whose order says which one wins.
type varFlag struct {
	inputs *[]hcl.Input
	file   bool
}

// Set implements pflag.Value.
func (f *varFlag) Set(text string) error {
	if f.file {
		*f.inputs = append(*f.inputs, hcl.Input{File: text})
		return nil
	}
	name, value, ok := strings.Cut(text, "=")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return fmt.Errorf("a variable is given as NAME=VALUE")
	}
	*f.inputs = append(*f.inputs, hcl.Input{Name: name, Value: value})
	return nil
}

// String implements pflag.Value.
func (f *varFlag) String() string { return "" }

// Type implements pflag.Value.
func (f *varFlag) Type() string { return "text" }

// varsFromEnv finds LVSUP_VAR_name=value among the variables of an environment.
func varsFromEnv(environ []string) []hcl.Input {
	var inputs []hcl.Input
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if name, ok := strings.CutPrefix(name, hcl.EnvPrefix); ok && name != "" {
			inputs = append(inputs, hcl.Input{Name: name, Value: value, Env: true})
		}
	}
	return inputs
}

// redacting takes the plan's sensitive values out of what is written. One of them
// must not be cut in two between two writes.
type redacting struct {
	g *globals
	w io.Writer
}

// Write implements io.Writer.
func (r redacting) Write(p []byte) (int, error) {
	text := r.g.redact(string(p))
	if err := r.g.turn.Tell(func() error { return r.g.live.Write(r.w, text) }); err != nil {
		return 0, err
	}
	return len(p), nil
}

// redact takes the plan's sensitive values out of a text.
func (g *globals) redact(text string) string {
	if g.redacter == nil {
		return text
	}
	return g.redacter.Replace(text)
}

// Package examples holds the annotated plans to start from, as they stand beside
// this file.
package examples

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed nat.hcl dr.hcl tun.hcl small.hcl
var files embed.FS

// Names lists the examples, the ones most people need first.
func Names() []string { return []string{"dr", "nat", "tun", "small"} }

// Text gives an example's plan.
func Text(name string) ([]byte, error) {
	text, err := files.ReadFile(name + ".hcl")
	if err != nil {
		return nil, fmt.Errorf("cannot start from %q: there are %s", name, strings.Join(Names(), ", "))
	}
	return text, nil
}

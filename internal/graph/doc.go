// Package graph draws a cluster: who asks, which host has the virtual addresses,
// which real servers answer and which way the answers go, with networks,
// addresses and services. The picture comes as SVG, laid out here so that no
// other program is needed, or as text for Graphviz (DOT) and Mermaid.
//
// It is pure: a plan, and if somebody looked at the hosts what was found, become a
// Picture, and a Picture becomes text. The same input gives the same bytes.
package graph

import (
	"fmt"
	"io"
)

// Format is a way to write a picture.
type Format string

// The formats.
const (
	SVG     Format = "svg"     // SVG 1.1 with a style for dark pages; needs no other file
	DOT     Format = "dot"     // Graphviz's language
	Mermaid Format = "mermaid" // a Mermaid flowchart
)

// Formats are all of them.
func Formats() []Format { return []Format{SVG, DOT, Mermaid} }

// Write writes the picture.
func (p *Picture) Write(w io.Writer, f Format) error {
	var text string
	switch f {
	case SVG:
		text = p.svg()
	case DOT:
		text = p.dot()
	case Mermaid:
		text = p.mermaid()
	default:
		return fmt.Errorf("cannot draw as %q: no such format", string(f))
	}
	_, err := io.WriteString(w, text)
	return err
}

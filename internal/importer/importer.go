package importer

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// MaxSize bounds the text of one configuration, in bytes, with all that it
// includes.
const MaxSize = 8 << 20

// maxServices and maxBackends bound what a configuration can grow into, through
// groups and ranges of addresses.
const (
	maxServices = 20_000
	maxBackends = 200_000
)

// Options are what a configuration is read with besides its text.
type Options struct {
	File     string // the configuration's name in messages and comments
	Director string // name of the director in the plan; "director" if empty
	Cluster  string // name of the cluster; "imported" if empty
	// Resolver looks up names of hosts and services; nil: there are none.
	Resolver Resolver
	// Include reads the files that an include line of keepalived.conf names; nil:
	// such a line is a warning.
	Include func(from, pattern string) ([]File, error)
	// ConfigID chooses the lines of keepalived.conf that begin with @ID, as
	// keepalived -i does; empty: none of them is taken, with a warning.
	ConfigID string
}

// Resolver looks up what configurations may name instead of a number.
type Resolver interface {
	// Host gives one address of a host, of the family asked for.
	Host(name string, ipv6 bool) (netip.Addr, error)
	// Port gives the port of a service, as services(5) has it. The protocol is
	// "tcp", "udp" or "sctp".
	Port(name, protocol string) (uint16, error)
}

// File is the text of an included file.
type File struct {
	Name string
	Text []byte
}

// Result is what a configuration says, as a plan.
type Result struct {
	Cluster  *plans.Cluster
	Comments plans.Comments
	Warnings []Warning // what was not carried over, in the order of the first place
}

// Place is a line of a configuration. Line 0 stands for all of it.
type Place struct {
	File string
	Line int // from 1
}

// String gives FILE:LINE, or FILE.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Warning says what the plan does not say, although the configuration does.
type Warning struct {
	Places []Place // where, sorted; at least one
	Text   string  // one line, what it means and what to do
}

// maxListed bounds the places that one warning lists.
const maxListed = 8

// String gives one line: "rules:3: TEXT (also lines 5, 9 and 20 more)".
func (w Warning) String() string {
	s := w.Places[0].String() + ": " + w.Text
	if rest := w.Places[1:]; len(rest) > 0 {
		s += " (also " + listPlaces(rest, w.Places[0].File) + ")"
	}
	return s
}

// listPlaces gives "line 3", "lines 3, 5" or "lines 3, 5 and 20 more"; a line of
// another file than home is FILE:LINE.
func listPlaces(places []Place, home string) string {
	var words []string
	for _, p := range places[:min(len(places), maxListed)] {
		if p.File == home {
			words = append(words, strconv.Itoa(p.Line))
		} else {
			words = append(words, p.String())
		}
	}
	s := "line "
	if len(places) > 1 {
		s = "lines "
	}
	s += strings.Join(words, ", ")
	if more := len(places) - maxListed; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

// Error is a line that cannot be read.
type Error struct {
	Place Place
	Text  string // what is wrong, and the way out
}

func (e *Error) Error() string { return e.Place.String() + ": " + e.Text }

// Errors are all the lines that cannot be read, in the order of the text; at
// least one.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func comparePlaces(a, b Place) int {
	if c := strings.Compare(a.File, b.File); c != 0 {
		return c
	}
	return a.Line - b.Line
}

// sortPlaces sorts places and leaves out repeated ones.
func sortPlaces(places []Place) []Place {
	slices.SortFunc(places, comparePlaces)
	return slices.Compact(places)
}

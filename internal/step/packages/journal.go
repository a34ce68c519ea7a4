package packages

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
)

// journalPath is where the kind keeps what came along with each package that it
// installed. The ownership record cannot hold it: what a package needs may be
// unknown until the repositories' lists are fetched, after the plan was made.
const journalPath = "/var/lib/lvsup/packages.json"

// journal maps a package that lvsup installed to what came with it.
type journal map[string]came

// came is what came along with one package.
type came struct {
	With []string `json:"with,omitempty"`
	// Open marks an installation whose end was not seen, and Before lists what
	// was there before it. Both are written first, so a kill at any moment loses
	// nothing.
	Open   bool     `json:"open,omitempty"`
	Before []string `json:"before,omitempty"`
}

func readJournal(h host.Host) (journal, error) {
	data, ok, err := atomicfile.Read(h.Path(journalPath))
	if err != nil || !ok {
		return journal{}, err
	}
	var j journal
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", journalPath, err)
	}
	return j, nil
}

// write stores the journal; an empty one leaves no file.
func (j journal) write(h host.Host) error {
	if len(j) == 0 {
		_, ok, err := atomicfile.Read(h.Path(journalPath))
		if err != nil || !ok {
			return err
		}
		return atomicfile.Remove(h.Path(journalPath))
	}
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return atomicfile.WriteMkdir(h.Path(journalPath), append(data, '\n'), 0o600)
}

// settle turns every unfinished entry into a finished one, given all that is
// installed now.
func (j journal) settle(all []string) {
	for name, c := range j {
		if c.Open {
			j[name] = came{With: c.with(name, all)}
		}
	}
}

// with is what came along, given all that is installed now.
func (c came) with(name string, all []string) []string {
	with := slices.Clone(c.With)
	if c.Open {
		before := make(map[string]bool, len(c.Before))
		for _, n := range c.Before {
			before[n] = true
		}
		for _, n := range all {
			if n != name && !before[n] {
				with = append(with, n)
			}
		}
	}
	return sortedSet(with)
}

// unfinished reports whether an entry waits to be settled.
func (j journal) unfinished() bool {
	for _, c := range j {
		if c.Open {
			return true
		}
	}
	return false
}

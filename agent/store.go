package agent

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/step"
)

// recordSchema is the version of owned.json. A file with a newer one was
// written by a newer lvsup and is refused: rewriting it could lose what that
// one knows.
const recordSchema = 1

// record is the ownership record of a host, by kind.
type record struct {
	Schema int                   `json:"schema"`
	Kinds  map[string]step.Owned `json:"kinds"`
}

// owned gives the kind's part of the record, made on demand.
func (r *record) owned(kind string) step.Owned {
	o := r.Kinds[kind]
	if o == nil {
		o = step.Owned{}
		r.Kinds[kind] = o
	}
	return o
}

// store reads and writes the record.
type store struct{ dir string }

func (s store) path() string { return filepath.Join(s.dir, "owned.json") }

// load gives an empty record where there is none yet.
func (s store) load() (*record, error) {
	fresh := &record{Schema: recordSchema, Kinds: map[string]step.Owned{}}
	data, err := os.ReadFile(s.path())
	if os.IsNotExist(err) {
		return fresh, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the ownership record: %w", err)
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("cannot read the ownership record %s: %w; put a good copy back, or move it away: lvsup then adopts what is there, and no longer knows what was before it", s.path(), err)
	}
	if r.Schema > recordSchema {
		return nil, fmt.Errorf("cannot use the ownership record %s: it has schema %d and this lvsup knows %d; use the newer lvsup that wrote it", s.path(), r.Schema, recordSchema)
	}
	if r.Kinds == nil {
		r.Kinds = fresh.Kinds
	}
	return &r, nil
}

// save writes the record durably, readable by root only: a value before may be
// a secret.
func (s store) save(r *record) error {
	for kind, owned := range r.Kinds {
		if len(owned) == 0 {
			delete(r.Kinds, kind)
		}
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot encode the ownership record: %w", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("cannot keep the ownership record: %w", err)
	}
	if err := atomicfile.Write(s.path(), append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot keep the ownership record: %w", err)
	}
	return nil
}

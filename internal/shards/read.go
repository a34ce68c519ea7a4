// Package shards makes one report of those of several coordinators, each of which
// had a part of one fleet. What is missing is never taken for done.
package shards

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// Reports are the results that were read so far. The zero value has none.
type Reports struct {
	first  source // that all others must go with
	shards map[int]*part
	silent []string // files without a result
}

// source is a result's place, for messages, with what it says of its run.
type source struct {
	name, command, plan string
	of                  int
}

// part is what is known of one shard.
type part struct {
	source
	clusters map[string]*view.Document // by name
	expected []string                  // clusters that have hosts in it
	end      *view.Document            // the last line of a plan with several clusters
	exit     []report.Code
}

// maxInput bounds what is read of one file, in bytes.
const maxInput = 1 << 32

// mergeable are the commands whose reports are put together: they tell what is left.
func mergeable() []string { return []string{"plan", "apply", "drift", "destroy"} }

// Read takes in a file: what --json prints, or lvsup drift --format json. It may hold
// those of several shards, one after the other. The name is for messages.
func (r *Reports) Read(name string, in io.Reader) error {
	results := 0
	for dec := json.NewDecoder(io.LimitReader(in, maxInput)); ; {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			break // it was cut within a line
		}
		var head report.Header
		if err == nil {
			err = json.Unmarshal(raw, &head)
		}
		switch {
		case err != nil:
			return fmt.Errorf("cannot read %s: it is no report of lvsup --json: %w", name, err)
		case head.Version != report.StreamVersion || head.Type == "":
			return fmt.Errorf("cannot merge %s: it is of version %d, and this lvsup knows version %d", name, head.Version, report.StreamVersion)
		case head.Type != report.LineCluster && head.Type != report.LineResult:
			continue
		}
		var doc view.Document
		if err := json.Unmarshal(raw, &doc); err != nil {
			return fmt.Errorf("cannot read %s: it is no report of lvsup --json: %w", name, err)
		}
		if err := r.add(name, &doc); err != nil {
			return err
		}
		results++
	}
	if results == 0 {
		r.silent = append(r.silent, name)
	}
	return nil
}

func (r *Reports) add(name string, doc *view.Document) error {
	s := doc.Shard
	switch {
	case s == nil || s.Of > plans.MaxShards || s.Index < 1 || s.Index > s.Of:
		return fmt.Errorf("cannot merge %s: it is not the report of a shard, as of lvsup apply --json --shard 1/8", name)
	case !slices.Contains(mergeable(), doc.Command):
		return fmt.Errorf("cannot merge %s: it is of lvsup %s, and only those of plan, apply, drift and destroy are merged", name, doc.Command)
	}
	here := source{name, doc.Command, s.Plan, s.Of}
	if err := r.fits(here); err != nil {
		return err
	}
	if r.shards == nil {
		r.shards = map[int]*part{}
	}
	p := r.shards[s.Index]
	if p == nil {
		p = &part{source: here, clusters: map[string]*view.Document{}}
		r.shards[s.Index] = p
	}
	again := func() error {
		if p.name == name {
			return fmt.Errorf("cannot merge %s: it has two results of shard %d/%d: take out the one that does not count", name, s.Index, s.Of)
		}
		return fmt.Errorf("cannot merge %s and %s: both are of shard %d/%d; give the one that counts", p.name, name, s.Index, s.Of)
	}
	p.expected = s.Clusters
	p.exit = append(p.exit, doc.Exit)
	p.exit = append(p.exit, doc.Codes...)
	cluster := doc.Cluster
	if cluster == "" && doc.Clusters == nil && len(s.Clusters) == 1 {
		cluster = s.Clusters[0]
	}
	if cluster == "" { // the end of several, of an empty shard, or of one that never began
		if p.end != nil {
			return again()
		}
		p.end = doc
		return nil
	}
	if p.clusters[cluster] != nil || p.name != name {
		return again()
	}
	p.clusters[cluster] = doc
	return nil
}

// fits refuses what is not of the same run as the others. A shard that could not read
// its plan does not know which one it is.
func (r *Reports) fits(s source) error {
	f := &r.first
	if f.name == "" {
		*f = s
		return nil
	}
	if f.plan == "" {
		f.plan = s.plan
	}
	switch {
	case f.command != s.command:
		return fmt.Errorf("cannot merge %s and %s: one is of lvsup %s, the other of lvsup %s", f.name, s.name, f.command, s.command)
	case f.of != s.of:
		return fmt.Errorf("cannot merge %s and %s: one is of %d shards, the other of %d", f.name, s.name, f.of, s.of)
	case s.plan != "" && f.plan != s.plan:
		return fmt.Errorf("cannot merge %s and %s: they are of two plans, or of two versions of one; run the shards with the same files and variables", f.name, s.name)
	}
	return nil
}

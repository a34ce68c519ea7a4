package drift

import (
	"fmt"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/statedir"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// ID names a difference on a cluster's hosts.
type ID struct {
	Host, Kind string
	step.ID
}

// History tells since when there is a difference. It is kept on the machine that
// checks, a file for each plan and cluster. The zero History knows nothing and
// is kept nowhere.
type History struct {
	file  string
	first map[ID]time.Time
}

// historyFile is what is written.
type historyFile struct {
	Version int          `json:"version"`
	Plan    string       `json:"plan"`
	Cluster string       `json:"cluster"`
	Seen    []view.Since `json:"seen"`
}

// HistoryDir is where histories are.
func HistoryDir() (string, error) {
	dir, err := statedir.Dir("drift")
	if err != nil {
		return "", fmt.Errorf("cannot tell where to remember when drift was first seen: %w", err)
	}
	return dir, nil
}

// OpenHistory reads what is known of a plan's cluster. A file that is not there or
// cannot be read is an empty history.
func OpenHistory(dir, plan, cluster string) (*History, error) {
	file, err := statedir.File(dir, plan, cluster)
	if err != nil {
		return nil, err
	}
	h := &History{file: file, first: map[ID]time.Time{}}
	var read historyFile
	err = statedir.Read(h.file, &read)
	for _, s := range read.Seen {
		h.first[ID{s.Host, s.Kind, s.ID}] = s.Since
	}
	if err != nil {
		return h, fmt.Errorf("cannot read when drift was first seen: %w", err)
	}
	return h, nil
}

// Since is when a difference was first seen; zero if never.
func (h *History) Since(id ID) time.Time { return h.first[id] }

// Note takes down what is there now. What is no more is forgotten, but not where
// nobody could look: on the hosts named, of a kind that could not be read, and what
// the check left out.
func (h *History) Note(p *plans.Plan, unknown []string, now time.Time) {
	still := map[ID]time.Time{}
	keep := func(host string, of func(kind string) bool) {
		for s, since := range h.first {
			if s.Host == host && of(s.Kind) {
				still[s] = since
			}
		}
	}
	for _, host := range unknown {
		keep(host, func(string) bool { return true })
	}
	for _, host := range p.Narrowed().Hosts {
		keep(host, func(string) bool { return true })
	}
	for _, host := range p.Hosts {
		keep(host.Host, p.Narrowed().Kind)
		for _, kind := range host.Kinds {
			if kind.Error != "" {
				keep(host.Host, func(k string) bool { return k == kind.Kind })
			}
			for _, c := range kind.Changes {
				s := ID{host.Host, kind.Kind, c.ID}
				if since, known := h.first[s]; known {
					still[s] = since
				} else {
					still[s] = now.UTC().Truncate(time.Millisecond)
				}
			}
		}
	}
	h.first = still
}

// Save writes the history, readable by its owner.
func (h *History) Save(plan, cluster string) error {
	if h.file == "" {
		return nil
	}
	out := historyFile{Version: 1, Plan: plan, Cluster: cluster, Seen: []view.Since{}}
	for s, since := range h.first {
		out.Seen = append(out.Seen, view.Since{Host: s.Host, Kind: s.Kind, ID: s.ID, Since: since})
	}
	slices.SortFunc(out.Seen, func(a, b view.Since) int {
		return slices.Compare([]string{a.Host, a.Kind, a.Key, a.Field}, []string{b.Host, b.Kind, b.Key, b.Field})
	})
	if err := statedir.Write(h.file, out); err != nil {
		return fmt.Errorf("cannot write down when drift was first seen: %w", err)
	}
	return nil
}

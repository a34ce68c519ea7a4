// Package savedplan keeps a plan in a file, from the moment it was shown to the
// moment it is carried out. The file holds the whole cluster and every change:
// neither the plan's own files nor its variables are read again.
package savedplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/replacefile"
	"github.com/lvsup/lvsup/plans"
)

// header begins the first line of a saved plan, which ends with the version of
// the format. No plan in HCL begins so.
const header = "lvsup saved plan, version "

// version is the format that this build reads and writes.
const version = 1

// maxSize bounds what is read, in bytes: a plan for ten thousand hosts is a
// tenth of it.
const maxSize = 1 << 30

// Saved is a plan that was shown and may be carried out later.
type Saved struct {
	Build   string         `json:"build"` // lvsup's, which made it
	Made    time.Time      `json:"made"`  // in UTC
	From    string         `json:"from"`  // the plan file or folder, as it was named
	Cluster *plans.Cluster `json:"cluster"`
	Plan    *plans.Plan    `json:"plan"`
}

// Is reports whether the file is a saved plan of any version. What cannot be
// read is none.
func Is(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	start := make([]byte, len(header))
	n, _ := f.Read(start) // a directory cannot be read
	return string(start[:n]) == header
}

// Write makes or replaces the file, readable by its owner alone: a plan may
// hold what others should not see. A reader sees the old file or the new one.
func Write(path string, s Saved) error {
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	data := append([]byte(header+strconv.Itoa(version)+"\n"), append(text, '\n')...)
	if err := replacefile.Write(path, data, 0o600); err != nil {
		return fmt.Errorf("cannot save the plan: %w", err)
	}
	return nil
}

// Read gives what Write wrote.
func Read(path string) (*Saved, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxSize {
		err = fmt.Errorf("it has %d bytes, and at most %d are read", info.Size(), maxSize)
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the saved plan %s: %w", path, err)
	}
	s, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("cannot use the saved plan %s: %w; make it anew with lvsup plan --out", path, err)
	}
	return s, nil
}

func decode(data []byte) (*Saved, error) {
	first, rest, _ := strings.Cut(string(data[:min(len(data), len(header)+20)]), "\n")
	format, isPlan := strings.CutPrefix(first, header)
	switch {
	case !isPlan:
		return nil, errors.New("it does not begin as one")
	case format != strconv.Itoa(version):
		return nil, fmt.Errorf("it is of version %.10s, and this lvsup reads version %d", format, version)
	case len(rest) == 0:
		return nil, errors.New("it ends after its first line")
	}
	var s Saved
	in := json.NewDecoder(bytes.NewReader(data[len(first)+1:]))
	in.DisallowUnknownFields()
	if err := in.Decode(&s); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if in.More() {
		return nil, errors.New("it is damaged: something follows its end")
	}
	if s.Cluster == nil || s.Plan == nil {
		return nil, errors.New("it is damaged: a part is missing")
	}
	return &s, s.check()
}

// check holds that the plan is one of the cluster, as a person's edit may have
// left it.
func (s *Saved) check() error {
	for _, d := range plans.Validate(s.Cluster) {
		if d.Severity == plans.Error {
			return fmt.Errorf("its cluster is not valid: %s", d.Summary)
		}
	}
	hosts := s.Plan.Narrowed().Rest(s.Cluster).Hosts
	if len(s.Plan.Hosts) != len(hosts) {
		return errors.New("its plan has other hosts than its cluster")
	}
	for i, h := range s.Plan.Hosts {
		if h.Host != hosts[i].Name {
			return errors.New("its plan has other hosts than its cluster")
		}
	}
	return nil
}

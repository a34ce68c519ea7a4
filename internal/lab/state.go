package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"time"

	"github.com/google/renameio/v2"
)

// DefaultStateDir is where labs keep their state, one folder a lab. It is gone
// after a reboot of the machine, as are the labs.
const DefaultStateDir = "/run/lvsup-lab"

// State is a lab as it was put up.
type State struct {
	Version   int       `json:"version"` // 1
	Name      string    `json:"name"`
	Netns     string    `json:"netns"` // as ip-netns(8) knows it
	Topology  Topology  `json:"topology"`
	Stack     Stack     `json:"stack"`
	Image     string    `json:"image"`
	DiskDir   string    `json:"disk_dir"` // the guests' copy-on-write files
	Processes []Process `json:"processes"`
	Started   time.Time `json:"started"`
	dir       string
}

const stateVersion = 1

var labName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$`)

func checkName(name string) error {
	if !labName.MatchString(name) {
		return fmt.Errorf("cannot name a lab %q: a name has letters, digits, and . _ - after the first, 40 at most; choose one with --name", name)
	}
	return nil
}

// paths knows where a lab keeps its files.
type paths struct{ state, disks string }

func (s *State) paths() paths { return paths{state: s.dir, disks: s.DiskDir} }

func (p paths) file(name string) string     { return filepath.Join(p.state, name) }
func (p paths) wrapper() string             { return p.file("guest.sh") }
func (p paths) umlDir() string              { return p.file("uml") }
func (p paths) seed(guest string) string    { return p.file(guest + ".seed") }
func (p paths) console(guest string) string { return p.file(guest + ".log") }
func (p paths) cow(guest string) string     { return filepath.Join(p.disks, guest+".cow") }

// SSHConfig is the path of the lab's ssh_config(5).
func (s *State) SSHConfig() string { return s.paths().file("ssh_config") }

// Running tells whether every process of the lab lives.
func (s *State) Running() bool { return len(s.Dead()) == 0 && len(s.Processes) > 0 }

// whole tells whether the lab was put up to the end and has its network and its
// servers; guests may be off.
func (s *State) whole() bool {
	if _, err := netnsInode(netnsPath(s.Netns)); err != nil {
		return false
	}
	servers := 0
	for _, p := range s.Processes {
		if p.Guest == "" {
			if servers++; !p.Alive() {
				return false
			}
		}
	}
	return servers > 0 && len(s.Processes)-servers == len(s.Topology.Guests)
}

// Dead names the guests that are switched off, and "the lab's services" if one
// of its servers ended.
func (s *State) Dead() []string {
	var dead []string
	for _, p := range s.Processes {
		switch {
		case p.Alive():
		case p.Guest != "":
			dead = append(dead, p.Guest)
		default:
			dead = append(dead, "the lab's services")
		}
	}
	return dead
}

func (s *State) process(guest string) (*Process, bool) {
	for i := range s.Processes {
		if s.Processes[i].Guest == guest {
			return &s.Processes[i], true
		}
	}
	return nil, false
}

func (s *State) save() error {
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return fmt.Errorf("cannot save the state of lab %s: %w", s.Name, err)
	}
	if err := renameio.WriteFile(s.paths().file("lab.json"), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot save the state of lab %s: %w", s.Name, err)
	}
	return nil
}

// ErrNoLab says that there is no lab with that name.
var ErrNoLab = errors.New("no such lab is up; lvsup lab list shows those that are")

func load(stateDir, name string) (*State, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s := &State{dir: filepath.Join(stateDir, name)}
	text, err := os.ReadFile(s.paths().file("lab.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("lab %s: %w", name, ErrNoLab)
	} else if err != nil {
		return nil, fmt.Errorf("cannot read the state of lab %s: %w", name, err)
	}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("cannot read the state of lab %s: %w; lvsup lab down %s clears it away", name, err, name)
	}
	if s.Stack == "" { // a lab of an older lvsup
		s.Stack = Ifupdown
	}
	if s.Version > stateVersion {
		return nil, fmt.Errorf("cannot use lab %s: a newer lvsup put it up", name)
	}
	return s, nil
}

// List gives the labs that are up or half up, by name. The directory is
// DefaultStateDir if empty.
func List(stateDir string) ([]*State, error) {
	found, err := filepath.Glob(filepath.Join(orDefault(stateDir), "*", "lab.json"))
	if err != nil {
		return nil, err
	}
	sort.Strings(found)
	var labs []*State
	for _, path := range found {
		s, err := load(orDefault(stateDir), filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		labs = append(labs, s)
	}
	return labs, nil
}

// Find returns the lab with that name; without a name, the only one.
func Find(stateDir, name string) (*State, error) {
	if name != "" {
		return load(orDefault(stateDir), name)
	}
	labs, err := List(stateDir)
	switch {
	case err != nil:
		return nil, err
	case len(labs) == 0:
		return nil, errors.New("no lab is up; lvsup lab up PLAN starts one")
	case len(labs) > 1:
		names := ""
		for _, l := range labs {
			names += " " + l.Name
		}
		return nil, fmt.Errorf("several labs are up:%s; choose one with --lab NAME", names)
	}
	return labs[0], nil
}

func orDefault(stateDir string) string {
	if stateDir == "" {
		return DefaultStateDir
	}
	return stateDir
}

package mangle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// Name is the kind's name.
const Name = "mangle"

// StateFile is what Restore reads.
const StateFile = "/var/lib/lvsup/mangle.json"

// The tools. The plain names of iptables stand for whichever variant the host
// has chosen.
const (
	nft            = "nft"
	iptables       = "iptables"
	iptablesLegacy = "iptables-legacy"
)

// Observed is what a host has of lvsup's rules.
type Observed struct {
	// Tool is what new rules are made with; empty where there is none.
	Tool string
	// Missing says why there is no tool.
	Missing string
	Rules   []found
	// File is StateFile's content; FileThere says whether it exists.
	File      string
	FileThere bool
}

func fileID() step.ID { return step.ID{Key: StateFile, Field: step.ContentField} }

// Diff compares. Rules come before the file that brings them back at boot, and
// go after it.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	seen, wanted := have.state(), step.State{}
	rules, err := want.rules()
	if err != nil {
		return nil // Validate has refused it
	}
	for _, r := range rules {
		wanted[step.ID{Key: r.key()}] = r.text()
	}
	if len(rules) > 0 {
		wanted[fileID()] = encode(want)
	}
	changes := step.Reconcile(wanted, ours(owned, wanted, seen), seen)
	for i, c := range changes {
		if c.ID != fileID() && c.Action.Mutates() {
			changes[i] = have.explain(c, want)
		}
	}
	step.Sort(changes)
	sort.SliceStable(changes, func(i, j int) bool { return rank(changes[i]) < rank(changes[j]) })
	return changes
}

// ours makes every rule that lvsup no longer wants one that it made just so: its
// comment says whose it is, whatever is left of it.
func ours(owned step.Owned, wanted, seen step.State) step.Owned {
	mine := maps.Clone(owned)
	for id := range mine {
		value, there := seen[id]
		if _, stays := wanted[id]; !stays && there && id != fileID() {
			mine[id] = step.Entry{Action: step.Create, After: value}
		}
	}
	return mine
}

// explain says with which tool a rule is made, and refuses where there is none.
func (o Observed) explain(c step.Change, want Desired) step.Change {
	switch {
	case c.Action.Removes():
		i := slices.IndexFunc(o.Rules, func(f found) bool { return f.key == c.Key })
		c.Why = with + o.Rules[i].tool
	case o.Tool != "":
		c.Why = with + o.Tool
	case !want.Installs:
		c.Blocked = o.Missing
	}
	return c
}

// with introduces the tool in a change's Why.
const with = "with "

func rank(c step.Change) int {
	switch {
	case c.ID == fileID() && c.Action.Removes():
		return 2
	case c.Action.Removes():
		return 3
	case c.ID == fileID():
		return 1
	}
	return 0
}

// state flattens what was seen. A rule is as it should be if it is once in each
// of its chains, all by one tool; anything else is spelled out.
func (o Observed) state() step.State {
	byKey := map[string][]found{}
	for _, f := range o.Rules {
		byKey[f.key] = append(byKey[f.key], f)
	}
	s := step.State{}
	for key, all := range byKey {
		s[step.ID{Key: key}] = summary(key, all)
	}
	if o.FileThere {
		s[fileID()] = step.EncodeBytes([]byte(o.File))
	}
	return s
}

func summary(key string, all []found) string {
	var chains, places []string
	same := true
	for _, f := range all {
		chains = append(chains, f.chain)
		places = append(places, f.value+" in "+f.chain+" of "+f.tool)
		same = same && f.value == all[0].value && f.tool == all[0].tool
	}
	wanted := slices.Clone(chainsOf(strings.HasPrefix(key, "mss ")))
	slices.Sort(wanted)
	slices.Sort(chains)
	if same && slices.Equal(chains, wanted) {
		return all[0].value
	}
	slices.Sort(places)
	return strings.Join(places, ", ")
}

// version is the schema of StateFile. A newer one is refused.
const version = 1

type kept struct {
	Version int    `json:"version"`
	Marks   []Mark `json:"marks,omitempty"`
	MSS     []MSS  `json:"mss,omitempty"`
}

func encode(want Desired) string {
	b, err := json.Marshal(kept{version, want.Marks, want.MSS})
	if err != nil {
		panic(err) // plain data
	}
	return string(b) + "\n"
}

func decode(b []byte) (Desired, error) {
	var k kept
	err := json.Unmarshal(b, &k)
	want := Desired{Marks: k.Marks, MSS: k.MSS}
	switch {
	case err != nil:
	case k.Version > version:
		err = fmt.Errorf("it has version %d, and this agent knows %d: apply the plan again", k.Version, version)
	default:
		err = Validate(want)
	}
	if err != nil {
		return Desired{}, fmt.Errorf("cannot read %s: %w", StateFile, err)
	}
	return want, nil
}

// family gives the tool for the family: ip6tables for iptables.
func family(tool string, ipv6 bool) string {
	if ipv6 {
		return "ip6" + strings.TrimPrefix(tool, "ip")
	}
	return tool
}

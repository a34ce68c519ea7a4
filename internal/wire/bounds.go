package wire

import (
	"fmt"
	"unicode/utf8"

	"github.com/lvsup/lvsup/internal/step"
)

// A host may be anybody's by now. What it says is held to these bounds where it
// comes in, beyond that of a frame; what of it is printed is made harmless there. An
// agent keeps to them by itself.
const (
	MaxKinds   = 64
	MaxChanges = 200_000  // of one kind: many times the largest table
	MaxName    = 256      // bytes of a kind's name or a field's
	MaxKey     = 4096     // bytes of a change's key, which may be a path
	MaxMessage = 16 << 10 // bytes of a message for people
	MaxMACs    = 256      // that answer for one address
	// MaxARPQuestions of one ARPRequest. An agent has 64 of them asked at a time.
	MaxARPQuestions = 2048
	MaxLines        = 10_000    // of what a director's table cannot be told in
	maxTable        = 100 << 10 // services in a table
)

// Short bounds a message for people, at the end of a character.
func Short(text string) string {
	if len(text) <= MaxMessage {
		return text
	}
	end := MaxMessage
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + fmt.Sprintf("... (%d bytes more)", len(text)-end)
}

func short(texts ...*string) {
	for _, t := range texts {
		*t = Short(*t)
	}
}

func shortList(all []string, most int) []string {
	all = all[:min(len(all), most)]
	for i := range all {
		all[i] = Short(all[i])
	}
	return all
}

// Check bounds the answer, or refuses what no agent sends.
func (r *ObserveResponse) Check() error {
	short(&r.Digest)
	return checkKinds(r.Kinds)
}

// Check bounds the answer, or refuses what no agent sends.
func (r *ApplyResponse) Check() error {
	r.Notes = shortList(r.Notes, MaxNotes)
	if r.Error != nil {
		r.Error.Message = Short(r.Error.Message)
	}
	return checkKinds(r.Done)
}

// Check bounds the answer.
func (r *ConfirmResponse) Check() error {
	short(&r.Left, &r.Cause)
	r.ByHand = shortList(r.ByHand, MaxNotes)
	return nil
}

// Check bounds the answer.
func (f *Facts) Check() error {
	short(&f.Hostname, &f.Machine, &f.Kernel, &f.BootID, &f.OS.ID, &f.OS.Like, &f.OS.Version, &f.OS.Pretty, &f.NetStack, &f.IPVS.Reason, &f.SELinux)
	return nil
}

// Check bounds the answer.
func (r *ARPResponse) Check() error {
	if len(r.Answers) > MaxARPQuestions {
		return fmt.Errorf("the agent has %d ARP answers, and at most %d are heard", len(r.Answers), MaxARPQuestions)
	}
	for i := range r.Answers {
		short(&r.Answers[i].Error)
		r.Answers[i].MACs = shortList(r.Answers[i].MACs, MaxMACs)
	}
	return nil
}

// Check bounds the answer, or refuses what no agent sends.
func (r *IPVSResponse) Check() error {
	if len(r.Services) > maxTable {
		return fmt.Errorf("the agent has %d services in its table, and at most %d are heard", len(r.Services), maxTable)
	}
	if len(r.Conns) > MaxConns {
		r.Conns, r.Truncated = r.Conns[:MaxConns], true
	}
	r.Lost = shortList(r.Lost, MaxLines)
	return nil
}

// checkKinds refuses changes that no agent sends, and bounds what they say.
func checkKinds(all []KindChanges) error {
	if len(all) > MaxKinds {
		return fmt.Errorf("the agent speaks of %d kinds, and at most %d are heard", len(all), MaxKinds)
	}
	seen := map[string]bool{}
	for i := range all {
		k := &all[i]
		switch {
		case k.Kind == "" || len(k.Kind) > MaxName:
			return fmt.Errorf("the agent names a kind with %d bytes", len(k.Kind))
		case seen[k.Kind]:
			return fmt.Errorf("the agent speaks twice of the kind %q", k.Kind)
		case len(k.Changes) > MaxChanges:
			return fmt.Errorf("the agent has %d changes of %s, and at most %d are heard", len(k.Changes), k.Kind, MaxChanges)
		case len(k.Commands) > len(k.Changes):
			return fmt.Errorf("the agent has commands for %d changes of %s, and there are %d", len(k.Commands), k.Kind, len(k.Changes))
		}
		seen[k.Kind] = true
		short(&k.Error)
		for j := range k.Changes {
			if err := checkChange(&k.Changes[j]); err != nil {
				return fmt.Errorf("the agent has a change of %s %w", k.Kind, err)
			}
		}
	}
	return nil
}

func checkChange(c *step.Change) error {
	switch {
	case !c.Action.Known():
		return fmt.Errorf("that does nothing")
	case len(c.Key) > MaxKey || len(c.Field) > MaxName:
		return fmt.Errorf("that is named with %d bytes, and its field with %d", len(c.Key), len(c.Field))
	}
	short(&c.Why, &c.Blocked, &c.Guarded)
	return nil
}

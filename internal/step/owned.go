package step

import (
	"encoding/json"
	"sort"
	"strings"
)

// Owned is one kind's part of the ownership record on a host: what lvsup made,
// changed or adopted there.
type Owned map[ID]Entry

// Entry is the ownership of one managed value.
type Entry struct {
	// Action is how it became lvsup's: Create (there was nothing before),
	// Update (Before holds the value before) or Adopt (it was as wanted).
	Action Action `json:"action"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"` // the value lvsup last put there
	// Pending is a value that lvsup was about to put there. It is set before
	// the write and cleared after it, so a kill in between loses nothing.
	Pending *string `json:"pending,omitempty"`
}

// Ours reports whether the value is one that lvsup put there.
func (e Entry) Ours(value string) bool {
	return value == e.After || e.Pending != nil && value == *e.Pending
}

// Begin returns the record as it must be on disk before the change is carried
// out.
func (o Owned) Begin(c Change) {
	switch c.Action {
	case Create, Update:
		e, ok := o[c.ID]
		switch {
		case !ok:
			// After equals Before until the write is done.
			e = Entry{Action: c.Action, Before: c.From, After: c.From}
		case e.Action == Adopt && c.To != e.After:
			// What was adopted was there before lvsup: it is what to go back to.
			e.Action, e.Before = Update, e.After
		}
		if c.Action == Update {
			e = e.rebase(c)
		}
		to := c.To
		e.Pending = &to
		o[c.ID] = e
	}
}

// rebase moves the entry's own idea of the value to the one that the change
// found, so that Before and After differ by lvsup's edits alone: others' lines
// that the new content of a file carries on must not go when lvsup's do. What
// it does not carry on was repaired, and does not come back.
func (e Entry) rebase(c Change) Entry {
	switch {
	case e.Ours(c.From):
		e.After = c.From // a write that was cut short had happened
	case c.Field == ContentField && carriesOn(e, c):
		before, _ := undo(e, c.From)
		before = keepLines(before, lineSet(e.Before+"\n"+c.To))
		if e.Action == Create && strings.TrimSpace(before) != "" {
			e.Action = Update // the file now holds more than lvsup made
		}
		e.Before, e.After = before, c.From
	}
	e.Pending = nil
	return e
}

// carriesOn reports whether the new content of a file has something of what
// others did to it since lvsup wrote it: a line that they added, or the lack of
// one that was there before lvsup and that they took out.
func carriesOn(e Entry, c Change) bool {
	before, after, from, to := lineSet(e.Before), lineSet(e.After), lineSet(c.From), lineSet(c.To)
	for line := range from {
		if !after[line] && to[line] {
			return true
		}
	}
	for line := range after {
		if before[line] && !from[line] && !to[line] {
			return true
		}
	}
	return false
}

// lineSet gives the lines of a text that are not blank.
func lineSet(text string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			set[line] = true
		}
	}
	return set
}

// keepLines drops the lines that are not in the set; blank ones stay.
func keepLines(text string, set map[string]bool) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimRight(line, "\r\n"); set[trimmed] || strings.TrimSpace(line) == "" {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// End updates the record after the change was carried out.
func (o Owned) End(c Change) {
	switch c.Action {
	case Create, Update:
		e := o[c.ID]
		e.After, e.Pending = c.To, nil
		o[c.ID] = e
	case Adopt:
		o[c.ID] = Entry{Action: Adopt, Before: c.From, After: c.To}
	case Delete, Restore, Forget:
		delete(o, c.ID)
	}
}

// ownedItem is how an entry travels as JSON; a map keyed by a struct cannot.
type ownedItem struct {
	ID
	Entry
}

// MarshalJSON writes the entries as a list sorted by Key and Field.
func (o Owned) MarshalJSON() ([]byte, error) {
	items := make([]ownedItem, 0, len(o))
	for id, e := range o {
		items = append(items, ownedItem{id, e})
	}
	sort.Slice(items, func(i, j int) bool {
		if items[i].Key != items[j].Key {
			return items[i].Key < items[j].Key
		}
		return items[i].Field < items[j].Field
	})
	return json.Marshal(items)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (o *Owned) UnmarshalJSON(b []byte) error {
	var items []ownedItem
	if err := json.Unmarshal(b, &items); err != nil {
		return err
	}
	*o = make(Owned, len(items))
	for _, it := range items {
		(*o)[it.ID] = it.Entry
	}
	return nil
}

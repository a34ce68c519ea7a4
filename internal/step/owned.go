package step

import (
	"encoding/json"
	"sort"
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
		if !ok {
			// After equals Before until the write is done.
			e = Entry{Action: c.Action, Before: c.From, After: c.From}
		}
		to := c.To
		e.Pending = &to
		o[c.ID] = e
	}
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

package step

import "testing"

// TestRepairIsNoValueBefore: what an apply has repaired must not come back when
// lvsup lets go.
func TestRepairIsNoValueBefore(t *testing.T) {
	id := ID{Key: "/etc/x", Field: ContentField}
	for name, tt := range map[string]struct {
		entry    Entry
		from, to string
		want     Entry // after the apply
	}{
		"lvsup's own file, edited": {
			entry: Entry{Action: Create, After: "a = 1\nb = 2\n"},
			from:  "a = 1\nb=3\n", to: "a = 1\nb = 2\n",
			want: Entry{Action: Create, After: "a = 1\nb = 2\n"},
		},
		"a page put over another": {
			entry: Entry{Action: Update, Before: "default\npage\n", After: "ours\n"},
			from:  "vandal\n", to: "ours\n",
			want: Entry{Action: Update, Before: "default\npage\n", After: "ours\n"},
		},
		"a line that stays, one that was repaired": {
			entry: Entry{Action: Update, Before: "one\n", After: "one\nours\n"},
			from:  "one\nourz\ntheirs\n", to: "one\nours\ntheirs\n",
			want: Entry{Action: Update, Before: "one\ntheirs\n", After: "one\nours\ntheirs\n"},
		},
		"a line taken out that stays out": {
			entry: Entry{Action: Update, Before: "one\ntwo\n", After: "ours\none\ntwo\n"},
			from:  "one\n", to: "ours\none\n",
			want: Entry{Action: Update, Before: "one\n", After: "ours\none\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			owned := Owned{id: tt.entry}
			c := Change{Action: Update, ID: id, From: tt.from, To: tt.to}
			owned.Begin(c)
			owned.End(c)
			if got := owned[id]; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

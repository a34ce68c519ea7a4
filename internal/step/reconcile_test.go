package step

import (
	"encoding/json"
	"maps"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestRelease(t *testing.T) {
	content := ID{Key: "/etc/rc.local", Field: ContentField}
	live := ID{Key: "net.ipv4.ip_forward", Field: "live"}
	pending := func(s string) *string { return &s }
	tests := map[string]struct {
		id     ID
		entry  Entry
		have   *string
		action Action
		to     string
	}{
		"gone":                        {live, Entry{Action: Update, Before: "0", After: "1"}, nil, Forget, ""},
		"ours":                        {live, Entry{Action: Update, Before: "0", After: "1"}, pending("1"), Restore, "0"},
		"made":                        {live, Entry{Action: Create, After: "1"}, pending("1"), Delete, ""},
		"back already":                {live, Entry{Action: Update, Before: "0", After: "1"}, pending("0"), Forget, ""},
		"changed by others":           {live, Entry{Action: Update, Before: "0", After: "1"}, pending("2"), Forget, ""},
		"cut short":                   {live, Entry{Action: Update, Before: "0", After: "0", Pending: pending("1")}, pending("1"), Restore, "0"},
		"file as left":                {content, Entry{Action: Update, Before: "a\n", After: "a\nours\n"}, pending("a\nours\n"), Restore, "a\n"},
		"file made, as left":          {content, Entry{Action: Create, After: "ours\n"}, pending("ours\n"), Delete, ""},
		"file with others' line":      {content, Entry{Action: Update, Before: "a\n", After: "a\nours\n"}, pending("a\nours\nx\n"), Restore, "a\nx\n"},
		"file made, others' line":     {content, Entry{Action: Create, After: "ours\n"}, pending("ours\nx\n"), Restore, "x\n"},
		"file made, emptied":          {content, Entry{Action: Create, After: "ours\n"}, pending("\nours\n"), Delete, ""},
		"file not made, emptied":      {content, Entry{Action: Update, Before: "a\n", After: "a\nours\n"}, pending("ours\n"), Restore, ""},
		"file without our lines":      {content, Entry{Action: Update, Before: "a\n", After: "a\nours\n"}, pending("a\nx\n"), Forget, ""},
		"file with our line edited":   {content, Entry{Action: Update, Before: "a\n", After: "a\nours\n"}, pending("a\nOURS\n"), Forget, ""},
		"file with some edited":       {content, Entry{Action: Update, Before: "a\n", After: "a\no1\no2\n"}, pending("a\nO1\no2\n"), Restore, "a\nO1\n"},
		"file, cut before the write":  {content, Entry{Action: Update, Before: "a\n", After: "a\n", Pending: pending("a\nours\n")}, pending("a\nx\n"), Forget, ""},
		"file, cut after the write":   {content, Entry{Action: Update, Before: "a\n", After: "a\n", Pending: pending("a\nours\n")}, pending("a\nours\nx\n"), Restore, "a\nx\n"},
		"file, cut in a later change": {content, Entry{Action: Update, Before: "a\n", After: "a\no1\n", Pending: pending("a\no2\n")}, pending("a\no1\nx\n"), Restore, "a\nx\n"},
		"script made, others' line":   {content, Entry{Action: Create, After: "#!/bin/sh\nours\n"}, pending("#!/bin/sh\nours\nx\n"), Restore, "#!/bin/sh\nx\n"},
		"binary file":                 {content, Entry{Action: Update, Before: "base64:AA==", After: "b"}, pending("c"), Forget, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			have := State{}
			if tt.have != nil {
				have[tt.id] = *tt.have
			}
			changes := Reconcile(nil, Owned{tt.id: tt.entry}, have)
			if len(changes) != 1 {
				t.Fatalf("got %+v", changes)
			}
			if c := changes[0]; c.Action != tt.action || c.To != tt.to || c.Action != Delete && c.Why == "" {
				t.Errorf("got %s to %q because %q; want %s to %q", c.Action, c.To, c.Why, tt.action, tt.to)
			}
		})
	}
}

// TestOthersLinesOutliveAnUpdate: lvsup edits a file, somebody adds a line,
// lvsup edits it again for a new plan; a destroy must keep that line.
func TestOthersLinesOutliveAnUpdate(t *testing.T) {
	id := ID{Key: "/etc/rc.local", Field: ContentField}
	for name, tt := range map[string]struct{ start, want string }{
		"file that was there": {"a\n", "a\nx\n"},
		"file lvsup made":     {"", "x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			owned := Owned{}
			first := Change{Action: Update, ID: id, From: tt.start, To: tt.start + "one\n"}
			if tt.start == "" {
				first.Action = Create
			}
			owned.Begin(first)
			owned.End(first)
			second := Change{Action: Update, ID: id, From: first.To + "x\n", To: tt.start + "two\nx\n"}
			owned.Begin(second)
			owned.Begin(second) // killed before the write, and run again
			owned.End(second)
			changes := Reconcile(nil, owned, State{id: second.To})
			if len(changes) != 1 || changes[0].Action != Restore || changes[0].To != tt.want {
				t.Errorf("got %+v; want a restore to %q", changes, tt.want)
			}
		})
	}
}

func TestAdoptedThenChanged(t *testing.T) {
	id := ID{Key: "net.ipv4.ip_forward"}
	owned := Owned{}
	owned.End(Change{Action: Adopt, ID: id, From: "1", To: "1"})
	drift := Change{Action: Update, ID: id, From: "0", To: "1"}
	owned.Begin(drift)
	owned.End(drift)
	if e := owned[id]; e.Action != Adopt {
		t.Errorf("repairing drift of what was adopted made it %+v", e)
	}
	other := Change{Action: Update, ID: id, From: "1", To: "2"}
	owned.Begin(other)
	owned.End(other)
	if e := owned[id]; e.Action != Update || e.Before != "1" || e.After != "2" {
		t.Errorf("changing what was adopted gave %+v; want to remember 1", e)
	}
}

var (
	ids = rapid.Custom(func(t *rapid.T) ID {
		return ID{rapid.StringMatching(`[ab]`).Draw(t, "k"), rapid.StringMatching(`[xy]?`).Draw(t, "f")}
	})
	states = rapid.Custom(func(t *rapid.T) State {
		return rapid.MapOfN(ids, rapid.StringMatching(`[012]`), 0, 5).Draw(t, "state")
	})
)

// TestReconcileLaws brings a host through random plans the way the agent does,
// with an update cut short now and then, and back.
func TestReconcileLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := states.Draw(t, "start")
		host, owned := maps.Clone(start), Owned{}
		apply := func(want State, cut bool) {
			changes := Reconcile(want, owned, host)
			for _, c := range changes {
				owned.Begin(c)
			}
			stop := len(changes)
			if cut && stop > 0 {
				stop = rapid.IntRange(0, stop-1).Draw(t, "stop")
			}
			for _, c := range changes[:stop] {
				switch c.Action {
				case Create, Update, Restore:
					host[c.ID] = c.To
				case Delete:
					delete(host, c.ID)
				}
				if !cut {
					owned.End(c)
				}
			}
		}
		for range rapid.IntRange(1, 3).Draw(t, "plans") {
			want := states.Draw(t, "want")
			if rapid.Bool().Draw(t, "cut") {
				apply(want, true)
			}
			apply(want, false)
			if left := Reconcile(want, owned, host); len(left) != 0 {
				t.Fatalf("left to do: %+v", left)
			}
			for id, v := range want {
				if host[id] != v {
					t.Fatalf("%s is %q, want %q", id, host[id], v)
				}
			}
			for id, v := range start {
				if _, mine := owned[id]; !mine && host[id] != v {
					if _, deleted := host[id]; deleted {
						t.Fatalf("foreign %s is %q, was %q", id, host[id], v)
					}
				}
			}
		}
		for id, e := range owned {
			if e.Action == Adopt {
				delete(owned, id)
			}
		}
		apply(nil, false)
		if len(owned) != 0 {
			t.Fatalf("after destroy the record holds %v", owned)
		}
	})
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owned := Owned{}
		for id, v := range states.Draw(t, "values") {
			owned[id] = Entry{Action: Update, Before: v, After: v + "'", Pending: rapid.Ptr(rapid.String(), true).Draw(t, "pending")}
		}
		raw, err := json.Marshal(owned)
		if err != nil {
			t.Fatal(err)
		}
		var back Owned
		if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, owned) {
			t.Errorf("%s came back as %v, %v", raw, back, err)
		}
	})
}

func TestActionJSON(t *testing.T) {
	for a := range actionNames {
		raw, err := json.Marshal(a)
		var back Action
		if err2 := json.Unmarshal(raw, &back); err != nil || err2 != nil || back != a {
			t.Errorf("%v became %s and %v (%v, %v)", a, raw, back, err, err2)
		}
	}
	var a Action
	for _, bad := range []string{`"made up"`, `43`, `null1`} {
		if err := json.Unmarshal([]byte(bad), &a); err == nil {
			t.Errorf("%s was read as %v", bad, a)
		}
	}
}

func FuzzEncodeBytes(f *testing.F) {
	for _, s := range []string{"", "text\n", "\xff\x00", "base64:", "base64:AA=="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		raw, err := json.Marshal(EncodeBytes(b))
		if err != nil {
			t.Fatal(err)
		}
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatal(err)
		}
		back, err := DecodeBytes(s)
		if err != nil || string(back) != string(b) {
			t.Errorf("%q came back as %q, %v", b, back, err)
		}
	})
}

package step

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Action is what a change does to a resource. Its value is the symbol that a
// printed plan shows.
type Action rune

// The actions.
const (
	Create  Action = '+' // it is not there yet
	Update  Action = '~' // it is there with another value
	Delete  Action = '-' // lvsup made it and the plan no longer wants it
	Restore Action = '<' // lvsup changed it; put the value before back
	Adopt   Action = '=' // it is as wanted already; only the record on the host changes
	Forget  Action = '.' // lvsup's record names it but it is gone or was changed by others; only the record changes
)

var actionNames = map[Action]string{
	Create: "create", Update: "update", Delete: "delete",
	Restore: "restore", Adopt: "adopt", Forget: "forget",
}

// String returns the action's name in lower case.
func (a Action) String() string {
	if n, ok := actionNames[a]; ok {
		return n
	}
	return fmt.Sprintf("action(%d)", rune(a))
}

// MarshalJSON writes the action's name.
func (a Action) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// UnmarshalJSON reads what MarshalJSON wrote and refuses any other word.
func (a *Action) UnmarshalJSON(b []byte) error {
	var name string
	if err := json.Unmarshal(b, &name); err != nil {
		return err
	}
	for action, n := range actionNames {
		if n == name {
			*a = action
			return nil
		}
	}
	return fmt.Errorf("unknown action %q", name)
}

// Known reports whether it is one of the actions.
func (a Action) Known() bool { return actionNames[a] != "" }

// Mutates reports whether the action touches the host beyond lvsup's record.
func (a Action) Mutates() bool { return a != Adopt && a != Forget }

// Removes reports whether the action belongs to the reverse pass, which takes
// things away after everything new is in place.
func (a Action) Removes() bool { return a == Delete || a == Restore || a == Forget }

// ID names one managed value on a host within its kind: a resource (Key) and
// the part of it (Field).
type ID struct {
	Key   string `json:"key"`             // "net.ipv4.ip_forward", "/etc/rc.local", "192.168.140.100/32 dev lo"
	Field string `json:"field,omitempty"` // "live", "mode", "weight"; empty where the resource is one value
}

// String gives KEY or KEY (FIELD).
func (id ID) String() string {
	if id.Field == "" {
		return id.Key
	}
	return id.Key + " (" + id.Field + ")"
}

// Change is one mutation of one resource: enough to print it and to carry it
// out.
type Change struct {
	Action Action `json:"action"`
	ID
	From string `json:"from,omitempty"` // value seen; empty with Create
	To   string `json:"to,omitempty"`   // value wanted; empty with Delete
	Why  string `json:"why,omitempty"`  // what a person should know about it
	// Early marks a removal that must precede a creation it conflicts with,
	// and so runs in the forward pass.
	Early bool `json:"early,omitempty"`
	// Follows marks a change that only writes down for the next boot what
	// another change of the same kind does now: it is carried out with it, and
	// not counted. Its value may differ from the planned one as far as those
	// others do.
	Follows bool `json:"follows,omitempty"`
	// Guarded, when not empty, says why the change can cut the connection that
	// lvsup works over. It is made under a guard on the host, which takes it back
	// unless the coordinator confirms it over a fresh connection.
	Guarded string `json:"guarded,omitempty"`
	// Boot marks a change that only matters to the next boot: beside guarded
	// ones it waits for their confirmation.
	Boot bool `json:"boot,omitempty"`
	// Blocked, when not empty, says why lvsup refuses to carry the change out.
	// A plan that holds a blocked change can be shown but not applied.
	Blocked string `json:"blocked,omitempty"`
}

// Reverse reports whether the change runs in the reverse pass.
func (c Change) Reverse() bool { return c.Action.Removes() && !c.Early }

const base64Prefix = "base64:"

// EncodeBytes makes a file's content fit for a Change: text stays as it is,
// anything that JSON could not carry byte for byte becomes base64.
func EncodeBytes(b []byte) string {
	if utf8.Valid(b) && !strings.HasPrefix(string(b), base64Prefix) {
		return string(b)
	}
	return base64Prefix + base64.StdEncoding.EncodeToString(b)
}

// DecodeBytes undoes EncodeBytes.
func DecodeBytes(s string) ([]byte, error) {
	rest, ok := strings.CutPrefix(s, base64Prefix)
	if !ok {
		return []byte(s), nil
	}
	return base64.StdEncoding.DecodeString(rest)
}

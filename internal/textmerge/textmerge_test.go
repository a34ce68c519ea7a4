package textmerge

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRevert(t *testing.T) {
	tests := map[string]struct {
		before, after, current, want string
		leftovers                    []string
	}{
		"untouched":                        {"a\nb\n", "a\nours\nb\n", "a\nours\nb\n", "a\nb\n", nil},
		"others added elsewhere":           {"a\nb\n", "a\nours\nb\n", "x\na\nours\nb\ny\n", "x\na\nb\ny\n", nil},
		"others added inside our block":    {"a\n", "a\no1\no2\n", "a\no1\nx\no2\n", "a\nx\n", nil},
		"others added right before":        {"a\nb\n", "a\nours\nb\n", "a\nx\nours\nb\n", "a\nx\nb\n", nil},
		"others added right after":         {"a\nb\n", "a\nours\nb\n", "a\nours\nx\nb\n", "a\nx\nb\n", nil},
		"others deleted one of ours":       {"a\n", "a\no1\no2\no3\n", "a\no1\no3\n", "a\n", nil},
		"others deleted ours and more":     {"a\nb\nc\n", "a\no1\no2\nb\nc\n", "a\no1\nc\n", "a\nc\n", nil},
		"others put the old file back":     {"a\nb\n", "a\nB\n", "a\nb\n", "a\nb\n", nil},
		"others edited one of ours":        {"a\n", "a\no1\no2\no3\n", "a\no1\nO2\no3\n", "a\nO2\n", []string{"o2"}},
		"others edited what we replaced":   {"a\nb\nc\n", "a\nB\nc\n", "a\nBB\nc\n", "a\nBB\nc\n", []string{"B"}},
		"others deleted what we replaced":  {"a\nb\nc\n", "a\nB\nc\n", "a\nc\n", "a\nc\n", []string{"B"}},
		"we deleted, others edited around": {"a\nb\nc\n", "a\nc\n", "X\n", "X\n", []string{"b"}},
		"we made the file":                 {"", "o1\no2\n", "o1\no2\nx\n", "x\n", nil},
		"no final newline":                 {"a", "a\nours\n", "a\nours\nx", "a\nx", nil},
		"final newline added by us":        {"a", "a\nours\n", "a\nours\nx\n", "a\nx\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, left := Revert(tt.before, tt.after, tt.current)
			if got != tt.want || !slices.Equal(left, tt.leftovers) {
				t.Errorf("got %q, %q; want %q, %q", got, left, tt.want, tt.leftovers)
			}
		})
	}
}

var text = rapid.Custom(func(t *rapid.T) string {
	lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", ""}), 0, 8).Draw(t, "lines")
	s := strings.Join(lines, "\n")
	if s != "" && rapid.Bool().Draw(t, "newline") {
		s += "\n"
	}
	return s
})

func TestRevertLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, a, c := text.Draw(t, "before"), text.Draw(t, "after"), text.Draw(t, "current")
		if got, left := Revert(b, a, a); got != b || left != nil {
			t.Errorf("Revert(b, a, a) = %q, %q; want %q", got, left, b)
		}
		if got, left := Revert(b, b, c); got != c || left != nil {
			t.Errorf("Revert(b, b, c) = %q, %q; want %q", got, left, c)
		}
		if got, left := Revert(b, a, b); got != b || left != nil {
			t.Errorf("Revert(b, a, b) = %q, %q; want %q", got, left, b)
		}
	})
}

// TestRevertKeepsOthers mixes lines of three authors that cannot be confused:
// the others' must all stay, ours must all go, whatever the places.
func TestRevertKeepsOthers(t *testing.T) {
	insert := func(t *rapid.T, into []string, names ...string) []string {
		out := slices.Clone(into)
		for _, name := range names {
			out = slices.Insert(out, rapid.IntRange(0, len(out)).Draw(t, "at "+name), name)
		}
		return out
	}
	file := func(lines []string) string { return strings.Join(append(slices.Clone(lines), ""), "\n") }
	rapid.Check(t, func(t *rapid.T) {
		before := []string{"b1", "b2", "b3", "b4"}
		after := insert(t, before, "o1", "o2", "o3")
		current := insert(t, after, "t1", "t2", "t3")
		want := slices.DeleteFunc(slices.Clone(current), func(l string) bool { return l[0] == 'o' })
		got, left := Revert(file(before), file(after), file(current))
		if left != nil || strings.Join(sorted(got), " ") != strings.Join(sorted(file(want)), " ") {
			t.Errorf("from %v got %q, left %q; want the lines of %v", current, got, left, want)
		}
	})
}

func sorted(text string) []string { return slices.Sorted(strings.SplitSeq(text, "\n")) }

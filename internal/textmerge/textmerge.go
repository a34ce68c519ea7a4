// Package textmerge takes one author's edits out of a text file that others
// have edited since, line by line.
package textmerge

import (
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Revert returns current with the edits that led from before to after undone.
// Current is after with whatever others have edited since; their edits stay.
//
// A hunk of ours that others have edited too cannot be undone without undoing
// their work: it stays as they left it, and leftovers names its lines, as they
// were in after (or, where we had only taken lines away, the lines that were
// not put back). A line of ours that others have deleted needs no undoing.
func Revert(before, after, current string) (merged string, leftovers []string) {
	switch current {
	case after:
		return before, nil
	case before:
		return current, nil
	}
	if before == after {
		return current, nil
	}
	// A last line without a newline is another line to a diff, and undoing an
	// edit to it could glue it to a line that others have put below. So all
	// three are compared with one, and the result ends as current does.
	merged, leftovers = revert(closed(before), closed(after), closed(current))
	if !strings.HasSuffix(current, "\n") {
		merged = strings.TrimSuffix(merged, "\n")
	}
	return merged, leftovers
}

func closed(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

func revert(before, after, current string) (merged string, leftovers []string) {
	theirs := byLine(after, udiff.Lines(after, current))
	var undo []udiff.Edit
	for _, u := range byLine(after, udiff.Lines(after, before)) {
		if conflicts(u, theirs) {
			text := after[u.Start:u.End]
			if text == "" {
				text = u.New
			}
			leftovers = append(leftovers, lines(text)...)
			continue
		}
		undo = append(undo, u)
	}
	edits, ok := udiff.Merge(undo, theirs)
	if !ok {
		// Cannot be: conflicts let only disjoint or equal edits through. Leaving
		// the file alone is right all the same.
		return current, lines(after)
	}
	merged, err := udiff.Apply(after, edits)
	if err != nil {
		return current, lines(after)
	}
	return merged, leftovers
}

// byLine splits every edit that only deletes into one edit a line, so that two
// authors who deleted overlapping lines are seen to agree, and an edit to one
// line of a block does not hold the others.
func byLine(text string, edits []udiff.Edit) []udiff.Edit {
	var split []udiff.Edit
	for _, e := range edits {
		if e.New != "" {
			split = append(split, e)
			continue
		}
		start := e.Start
		for _, line := range strings.SplitAfter(text[e.Start:e.End], "\n") {
			if line != "" {
				split = append(split, udiff.Edit{Start: start, End: start + len(line)})
				start += len(line)
			}
		}
	}
	return split
}

// conflicts reports whether e touches text that an unequal edit touches too.
// Insertions at the edge of another edit do not.
func conflicts(e udiff.Edit, others []udiff.Edit) bool {
	for _, o := range others {
		if e != o && e.Start < o.End && o.Start < e.End {
			return true
		}
	}
	return false
}

func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

package vip

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// The lines around what lvsup writes into a boot script.
const (
	blockBegin = "# lvsup: virtual IP addresses, begin"
	blockEnd   = "# lvsup: virtual IP addresses, end"
)

const shebang = "#!/bin/sh"

// edit returns the boot script so that running it adds the VIPs. Lines of
// others stay as they are, and a VIP that one of them adds is left to it.
//
// A new block goes before the first command: whatever comes later, be it a
// final "exit 0", an exit in the middle, an exec or a syntax error, cannot keep
// it from running. A block that is there stays in its place, unless an exit now
// stands above it.
func edit(text string, vips []VIP) string {
	rest, block, at := cutBlock(text)
	var ours []string
	for _, v := range vips {
		line := v.command("ip")
		// A line of lvsup's stays when somebody adds the VIP as well: taking it
		// out would be a change that nobody needs.
		if _, ok := addedBy(rest, v); !ok || slices.Contains(block, line) {
			ours = append(ours, line)
		}
	}
	lines := split(rest)
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "#!") {
		lines = slices.Insert(lines, 0, shebang+"\n")
		if at >= 0 {
			at++
		}
	}
	if len(ours) > 0 {
		slices.Sort(ours)
		block = slices.Concat([]string{blockBegin}, ours, []string{blockEnd})
		if at < 1 || at > firstExit(lines) {
			at = firstCommand(lines)
		}
		if !strings.HasSuffix(lines[at-1], "\n") {
			lines[at-1] += "\n"
		}
		lines = slices.Insert(lines, at, strings.Join(block, "\n")+"\n")
	}
	return strings.Join(lines, "")
}

// cutBlock takes lvsup's block out. It gives the block's commands, and before
// which of the remaining lines it stood; -1 if there was none.
func cutBlock(text string) (rest string, block []string, at int) {
	var kept []string
	at = -1
	inside := false
	for _, line := range split(text) {
		trimmed := strings.TrimRight(line, "\r\n")
		switch {
		case trimmed == blockBegin:
			inside = true
			if at < 0 {
				at = len(kept)
			}
		case trimmed == blockEnd:
			inside = false
		case inside && strings.HasPrefix(trimmed, "ip addr replace "):
			block = append(block, trimmed)
		default:
			// Inside the markers too, what lvsup would not have written is
			// somebody else's.
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, ""), block, at
}

// hideBlock turns lvsup's own lines into comments, so that what is left is what
// others wrote, under the same line numbers.
func hideBlock(text string) string {
	lines := split(text)
	inside := false
	for i, line := range lines {
		trimmed := strings.TrimRight(line, "\r\n")
		inside = trimmed != blockEnd && (inside || trimmed == blockBegin)
		if inside && strings.HasPrefix(trimmed, "ip addr replace ") {
			lines[i] = "#\n"
		}
	}
	return strings.Join(lines, "")
}

// split gives the lines with their ends.
func split(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	return lines[:len(lines)-1+min(1, len(lines[len(lines)-1]))]
}

// firstCommand is the index of the first line, after the interpreter's, that is
// neither blank nor a comment.
func firstCommand(lines []string) int {
	for i, line := range lines[1:] {
		// Blanks, tabs and newlines only: to sh a carriage return is a command.
		if l := strings.Trim(line, " \t\n"); l != "" && l[0] != '#' {
			return i + 1
		}
	}
	return len(lines)
}

// firstExit is the index of the first line that ends the script for sure, or
// the number of lines.
func firstExit(lines []string) int {
	for i, line := range lines {
		for _, word := range []string{"exit", "exec"} {
			after, ok := strings.CutPrefix(line, word)
			if ok && (after == "" || strings.ContainsAny(after[:1], " \t\r\n;")) {
				return i
			}
		}
	}
	return len(lines)
}

// unusable says why the script cannot carry lvsup's lines, or is empty.
func unusable(file, text string) string {
	first, _, _ := strings.Cut(text, "\n")
	switch {
	case strings.ContainsRune(text, 0):
		return fmt.Sprintf("%s holds a NUL byte, so it is no script: move it away", file)
	case !strings.HasPrefix(first, "#!"):
		return ""
	case strings.Contains(first, "\r"):
		return fmt.Sprintf("%s has DOS line ends, so the kernel looks for an interpreter whose name ends in a carriage return and the file never runs: sed -i 's/\\r$//' %s", file, file)
	}
	// The kernel splits the line at blanks and tabs only (fs/binfmt_script.c).
	words := strings.FieldsFunc(first[2:], func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) > 1 && path.Base(words[0]) == "env" {
		words = words[1:]
	}
	if len(words) > 0 && slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"}, path.Base(words[0])) {
		return ""
	}
	return fmt.Sprintf("%s is no shell script (%s), so lvsup cannot add its lines: move it away, or let it call the other program", file, first)
}

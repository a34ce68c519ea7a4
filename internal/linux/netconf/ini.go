package netconf

import "strings"

// iniLine is a line of a file in sections: systemd.syntax(7), or the key files
// of GLib that NetworkManager reads. Physical lines that a final backslash joins
// are one, where the format has that.
type iniLine struct {
	raw     string // as in the file, newline included if it has one
	section string // the section that it is in or opens
	nth     int    // which section of the file that is, counted from 1; 0 before the first
	key     string // empty: a header, a comment or a blank line
	value   string
}

// parseINI cuts a file into lines. joins says that a final backslash joins the
// next line (systemd.syntax(7)).
func parseINI(content string, joins bool) []iniLine {
	var lines []iniLine
	section, nth := "", 0
	phys := splitLines(content)
	for i := 0; i < len(phys); {
		raw, text := phys[i], strings.TrimSpace(phys[i])
		i++
		comment := text == "" || text[0] == '#' || text[0] == ';'
		for joins && !comment && strings.HasSuffix(text, `\`) && i < len(phys) {
			raw += phys[i]
			text = strings.TrimSuffix(text, `\`) + " " + strings.TrimSpace(phys[i])
			i++
		}
		l := iniLine{raw: raw}
		key, value, pair := strings.Cut(text, "=")
		switch {
		case comment:
		case text[0] == '[' && strings.HasSuffix(text, "]"):
			section, nth = strings.Trim(text, "[]"), nth+1
		case pair:
			l.key, l.value = strings.TrimSpace(key), strings.TrimSpace(value)
		}
		l.section, l.nth = section, nth
		lines = append(lines, l)
	}
	return lines
}

// iniText puts lines together again.
func iniText(lines []iniLine) string {
	var out strings.Builder
	for _, l := range lines {
		endLine(&out)
		out.WriteString(l.raw)
	}
	return out.String()
}

// lastValue is the value of a key that counts; ok is false where no section of
// that name has it.
func lastValue(lines []iniLine, section, key string) (value string, ok bool) {
	for _, l := range lines {
		if l.section == section && l.key == key {
			value, ok = l.value, true
		}
	}
	return value, ok
}

// without drops the lines that drop names.
func without(lines []iniLine, drop func(iniLine) bool) []iniLine {
	var kept []iniLine
	for _, l := range lines {
		if !drop(l) {
			kept = append(kept, l)
		}
	}
	return kept
}

// withoutSections drops whole sections with the blank lines after them. Comments
// at the end of one lead to the next, and stay.
func withoutSections(lines []iniLine, gone map[int]bool) []iniLine {
	last := map[int]int{} // the last line of a section that says something
	for i, l := range lines {
		if text := strings.TrimSpace(l.raw); l.key != "" || strings.HasPrefix(text, "[") {
			last[l.nth] = i
		}
	}
	var kept []iniLine
	trailing := false
	for i, l := range lines {
		blank := strings.TrimSpace(l.raw) == ""
		if gone[l.nth] && (i <= last[l.nth] || trailing && blank) {
			trailing = i >= last[l.nth]
			continue
		}
		trailing = false
		kept = append(kept, l)
	}
	return kept
}

// addKeys puts pairs KEY=VALUE at the end of the first section of that name,
// before the blank and comment lines that lead to the next one, or into a new
// section at the end of the file.
func addKeys(lines []iniLine, section string, pairs ...string) []iniLine {
	if len(pairs) == 0 {
		return lines
	}
	at, nth := -1, 0
	for i, l := range lines {
		if l.section == section && (nth == 0 || l.nth == nth) {
			nth = l.nth
			if l.key != "" || strings.HasPrefix(strings.TrimSpace(l.raw), "[") {
				at = i + 1
			}
		}
	}
	if at < 0 {
		return addSection(lines, section, pairs...)
	}
	var fresh []iniLine
	for _, p := range pairs {
		fresh = append(fresh, pairLine(section, nth, p))
	}
	out := append([]iniLine{}, lines[:at]...)
	out = append(out, fresh...)
	return append(out, lines[at:]...)
}

// addSection puts a new section at the end of the file.
func addSection(lines []iniLine, section string, pairs ...string) []iniLine {
	nth := 1
	if n := len(lines); n > 0 {
		nth = lines[n-1].nth + 1
		if strings.TrimSpace(lines[n-1].raw) != "" {
			lines = append(lines, iniLine{raw: "\n", section: lines[n-1].section, nth: nth - 1})
		}
	}
	lines = append(lines, iniLine{raw: "[" + section + "]\n", section: section, nth: nth})
	for _, p := range pairs {
		lines = append(lines, pairLine(section, nth, p))
	}
	return lines
}

func pairLine(section string, nth int, pair string) iniLine {
	key, value, _ := strings.Cut(pair, "=")
	return iniLine{raw: pair + "\n", section: section, nth: nth, key: key, value: value}
}

package view

import (
	"strconv"
	"strings"
)

// minFold is how many lines that differ in one address are printed as one.
const minFold = 12

// folded shortens runs of lines that differ in one address and nothing else, as a
// director's that gets a hundred backends. Commands stand as they are.
func (h *Human) folded(text string) string {
	if h.Explain {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	var out strings.Builder
	for i := 0; i < len(lines); {
		form, first := shape(lines[i], "")
		n, at := 1, -1
		values := [][]string{first}
		for ; i+n < len(lines) && len(first) > 0; n++ {
			next, others := shape(lines[i+n], "")
			if next != form {
				break
			}
			differs := differences(first, others)
			if len(differs) != 1 || at >= 0 && differs[0] != at {
				break
			}
			at = differs[0]
			values = append(values, others)
		}
		if n < minFold {
			out.WriteString(lines[i])
			i++
			continue
		}
		var column []string
		for _, v := range values {
			column = append(column, v[at])
		}
		place := addressPlaces(lines[i])[at]
		line := lines[i][:place[0]] + "<address>" + lines[i][place[1]:]
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		out.WriteString(line + indent + "    " + strconv.Itoa(n) + " times, with <address> " + spans(column) + "\n")
		i += n
	}
	return out.String()
}

func differences(a, b []string) []int {
	var all []int
	for i := range a {
		if a[i] != b[i] {
			all = append(all, i)
		}
	}
	return all
}

// spans writes addresses, with those that follow each other as a span.
func spans(all []string) string {
	var out []string
	for i := 0; i < len(all); {
		n := 1
		for i+n < len(all) && succeeds(all[i+n-1], all[i+n]) {
			n++
		}
		if n < minLikeness {
			n = 1
		}
		out = append(out, span(all[i:i+n]))
		i += n
	}
	return strings.Join(out, ", ")
}

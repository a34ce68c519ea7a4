package report

import (
	"cmp"
	"strconv"
	"strings"
)

// minRun is how many hosts that are numbered one after the other are written as a
// range: two are read faster by their names.
const minRun = 3

// HostList writes the names of hosts in their order, with those that are numbered
// one after the other as a range: node[001-098], node[9-12]. A name holds no
// brackets, so that nothing else looks like one. Numbers with leading zeros have as
// many digits at both ends, and every number between them is in.
func HostList(names []string) string {
	var out []string
	for i := 0; i < len(names); {
		n := 1
		for i+n < len(names) && Consecutive(names[i+n-1], names[i+n]) {
			n++
		}
		if n < minRun {
			n = 1
			out = append(out, names[i])
		} else {
			prefix, first, suffix := numbered(names[i])
			_, last, _ := numbered(names[i+n-1])
			out = append(out, prefix+"["+first+"-"+last+"]"+suffix)
		}
		i += n
	}
	return strings.Join(out, ", ")
}

// CompareHosts orders names by their numbers: node9 before node10. Names without
// one, or with another number elsewhere, are ordered by their letters.
func CompareHosts(a, b string) int {
	prefixA, numberA, suffixA := numbered(a)
	prefixB, numberB, suffixB := numbered(b)
	x, y := strings.TrimLeft(numberA, "0"), strings.TrimLeft(numberB, "0")
	return cmp.Or(strings.Compare(prefixA, prefixB), strings.Compare(suffixA, suffixB),
		cmp.Compare(len(x), len(y)), strings.Compare(x, y), strings.Compare(a, b))
}

// numbered splits a name at its last number. One without a number is all prefix.
func numbered(name string) (prefix, number, suffix string) {
	digit := func(b byte) bool { return '0' <= b && b <= '9' }
	end := len(name)
	for end > 0 && !digit(name[end-1]) {
		end--
	}
	if end == 0 {
		return name, "", ""
	}
	begin := end
	for begin > 0 && digit(name[begin-1]) {
		begin--
	}
	return name[:begin], name[begin:end], name[end:]
}

// Consecutive reports whether the name b has the number after that of a, and is else
// the same.
func Consecutive(a, b string) bool {
	prefixA, numberA, suffixA := numbered(a)
	prefixB, numberB, suffixB := numbered(b)
	if prefixA != prefixB || suffixA != suffixB {
		return false
	}
	x, err := strconv.ParseUint(numberA, 10, 63)
	if err != nil {
		return false
	}
	y, err := strconv.ParseUint(numberB, 10, 63)
	if err != nil || y != x+1 {
		return false
	}
	padded := strings.HasPrefix(numberA, "0") && len(numberA) > 1 || strings.HasPrefix(numberB, "0")
	return !padded || len(numberA) == len(numberB)
}

package view

import (
	"bytes"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
)

// fewHosts is how many hosts are shown one by one: so many are read faster with all
// they have than by what they share.
const fewHosts = 5

// minLikeness is how many hosts must differ in nothing but addresses to be shown as
// one with a table.
const minLikeness = 4

// block is what is said of one host, or of several of which the same can be said.
type block struct {
	hosts []string
	text  string
	table [][]string // rows of hosts and their addresses, below a header; nil: none
}

// render gives what print prints to Out.
func (h *Human) render(print func(h *Human)) string {
	var text bytes.Buffer
	inner := *h
	inner.Out = &text
	print(&inner)
	return text.String()
}

// grouped brings together what can be said of several hosts at once: of those whose
// text is the same, and, but for commands that must stand as they are, of those whose
// text differs only in addresses and in the host's own name. The order is that of the
// first host of each. Few hosts stay by themselves.
func (h *Human) grouped(all []block) []block {
	if len(all) <= fewHosts {
		return all
	}
	likeness := !h.Explain
	shapes := map[string][]block{}
	var order []string
	for _, b := range all {
		key := b.text
		if likeness {
			key, _ = shape(b.text, b.hosts[0])
		}
		if shapes[key] == nil {
			order = append(order, key)
		}
		shapes[key] = append(shapes[key], b)
	}
	var out []block
	for _, key := range order {
		alike := same(shapes[key])
		if likeness && len(alike) >= minLikeness {
			alike = []block{merged(key, shapes[key])}
		}
		out = append(out, alike...)
	}
	position := map[string]int{}
	for i, b := range all {
		position[b.hosts[0]] = i
	}
	slices.SortStableFunc(out, func(a, b block) int { return position[a.hosts[0]] - position[b.hosts[0]] })
	return out
}

// same puts hosts with one and the same text together.
func same(all []block) []block {
	var out []block
	at := map[string]int{}
	for _, b := range all {
		i, known := at[b.text]
		if !known {
			at[b.text] = len(out)
			out = append(out, block{hosts: slices.Clone(b.hosts), text: b.text})
			continue
		}
		out[i].hosts = append(out[i].hosts, b.hosts...)
	}
	return out
}

// alikeButNames puts hosts together that are still by themselves, and of which the same
// is said but for their own names.
func alikeButNames(all []block) []block {
	var out []block
	at := map[string]int{}
	for _, b := range all {
		if len(b.hosts) > 1 {
			out = append(out, b)
			continue
		}
		form := withoutName(b.text, b.hosts[0])
		i, known := at[form]
		if !known {
			at[form] = len(out)
			out = append(out, b)
			continue
		}
		out[i].hosts = append(slices.Clone(out[i].hosts), b.hosts...)
		out[i].text = strings.ReplaceAll(form, itsName, "<host>")
	}
	return out
}

// What stands in a shape for an address and for the host's own name. Neither can
// come from a host: what it sends is cleaned before.
const (
	anAddress = "\x00"
	itsName   = "\x01"
)

// addresses matches what may be an address: of Ethernet, IPv6 or IPv4; and what else
// is another one on each host, the fingerprint of a key and its line in a file.
var addresses = regexp.MustCompile(`SHA256:[0-9A-Za-z+/]+|/[^\s():]+:[0-9]+|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*[0-9A-Fa-f]|[0-9A-Fa-f]+:(?::|[0-9A-Fa-f:]*::)|[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+`)

var macs = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$`)

// shape takes the addresses out of a text, and the host's own name where it is a
// word.
func shape(text, host string) (form string, values []string) {
	var b strings.Builder
	rest := 0
	for _, at := range addressPlaces(text) {
		values = append(values, text[at[0]:at[1]])
		b.WriteString(withoutName(text[rest:at[0]], host) + anAddress)
		rest = at[1]
	}
	return b.String() + withoutName(text[rest:], host), values
}

// addressPlaces are where addresses stand in a text.
func addressPlaces(text string) [][]int {
	return slices.DeleteFunc(addresses.FindAllStringIndex(text, -1), func(at []int) bool {
		found := text[at[0]:at[1]]
		if sortOf(found) != "address" {
			return false
		}
		_, err := netip.ParseAddr(found)
		return err != nil && !macs.MatchString(found)
	})
}

// sortOf is what is called by a name where it is not the same for all.
func sortOf(value string) string {
	switch {
	case strings.HasPrefix(value, "SHA256:"):
		return "fingerprint"
	case strings.HasPrefix(value, "/"):
		return "line"
	}
	return "address"
}

func withoutName(text, host string) string {
	if host == "" || !strings.Contains(text, host) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		end := i + len(host)
		if strings.HasPrefix(text[i:], host) && !endsInName(text[:i]) && (end == len(text) || !inName(text[end])) {
			b.WriteString(itsName)
			i = end
			continue
		}
		b.WriteByte(text[i])
		i++
	}
	return b.String()
}

var colored = regexp.MustCompile(`\x1b\[[0-9]+m$`)

// endsInName reports whether what follows a text would go on with a name. A colour
// is no letter.
func endsInName(text string) bool {
	return text != "" && inName(text[len(text)-1]) && !colored.MatchString(text)
}

func inName(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// merged is one block for hosts whose texts have one shape: what is the same for
// all stands as it is, and each other address has a name and a column in the table.
func merged(form string, all []block) block {
	out := block{}
	var rows [][]string // by host
	for _, b := range all {
		_, values := shape(b.text, b.hosts[0])
		out.hosts = append(out.hosts, b.hosts...)
		rows = append(rows, values)
	}
	var columns [][]string // of addresses that are not the same for all
	slots := make([]int, len(rows[0]))
	for i := range rows[0] {
		column := make([]string, len(rows))
		for j, row := range rows {
			column[j] = row[i]
		}
		switch at := slices.IndexFunc(columns, func(c []string) bool { return slices.Equal(c, column) }); {
		case len(slices.Compact(slices.Clone(column))) == 1:
			slots[i] = -1
		case at >= 0:
			slots[i] = at
		default:
			slots[i] = len(columns)
			columns = append(columns, column)
		}
	}
	name := func(column int) string {
		sort, number, of := sortOf(columns[column][0]), 0, 0
		for i, c := range columns {
			if sortOf(c[0]) == sort {
				of++
				if i <= column {
					number++
				}
			}
		}
		if of == 1 {
			return "<" + sort + ">"
		}
		return "<" + sort + "-" + strconv.Itoa(number) + ">"
	}
	var text strings.Builder
	next := 0
	for _, r := range form {
		switch string(r) {
		case anAddress:
			if slots[next] < 0 {
				text.WriteString(rows[0][next])
			} else {
				text.WriteString(name(slots[next]))
			}
			next++
		case itsName:
			text.WriteString("<host>")
		default:
			text.WriteRune(r)
		}
	}
	out.text = text.String()
	if len(columns) == 0 {
		return out
	}
	header := []string{"<host>"}
	for i := range columns {
		header = append(header, name(i))
	}
	out.table = append([][]string{header}, tabled(out.hosts, columns)...)
	return out
}

// tabled gives a row for each run of hosts whose names and addresses are numbered
// one after the other.
func tabled(hosts []string, columns [][]string) [][]string {
	var rows [][]string
	for i := 0; i < len(hosts); {
		n := 1
		for i+n < len(hosts) && report.Consecutive(hosts[i+n-1], hosts[i+n]) &&
			!slices.ContainsFunc(columns, func(c []string) bool { return !succeeds(c[i+n-1], c[i+n]) }) {
			n++
		}
		if n < minLikeness {
			n = 1
		}
		row := []string{report.HostList(hosts[i : i+n])}
		for _, c := range columns {
			row = append(row, span(c[i:i+n]))
		}
		rows = append(rows, row)
		i += n
	}
	return rows
}

// succeeds reports whether an IP address is the next one after another.
func succeeds(a, b string) bool {
	x, err := netip.ParseAddr(a)
	if err != nil {
		return false
	}
	y, err := netip.ParseAddr(b)
	return err == nil && x.Next() == y
}

// span writes addresses that follow each other.
func span(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return all[0] + " to " + all[len(all)-1]
}

// blocks prints blocks, each under its hosts' names, which title gives, lead columns
// from the left.
func (h *Human) blocks(all []block, lead int, title func(hosts string) string) {
	for _, b := range all {
		count := ""
		if len(b.hosts) > fewHosts {
			count = fmt.Sprintf(" (%d hosts)", len(b.hosts))
		}
		h.printf("%s\n%s", title(hostList(h.OutColumns, lead, len(count), b.hosts)+count), b.text)
		h.table(b.table)
	}
}

// table prints rows in columns, the last of which is as wide as it is.
func (h *Human) table(rows [][]string) {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for i, row := range rows {
		line := ""
		for j, cell := range row {
			line += cell + strings.Repeat(" ", widths[j]-len(cell)+2)
		}
		line = strings.TrimRight(line, " ")
		if i == 0 {
			line = h.paint(dim, line)
		}
		h.printf("         %s\n", line)
	}
}

package importer

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lvsup/lvsup/plans"
)

// comments says in the plan what the warnings say, each at its place.
func (d *draft) comments(c *plans.Cluster) plans.Comments {
	out := plans.Comments{
		Head:     append(d.header(c), d.lines(d.head)...),
		IPVS:     d.lines(d.ipvs),
		Director: append(d.directorLines(), d.lines(d.director)...),
		End:      d.lines(d.end),
	}
	count := map[string]int{}
	for _, s := range d.services {
		count[s.vip()]++
	}
	before := ""
	for _, s := range d.services {
		var one plans.ServiceComments
		if vip := s.vip(); vip != before && count[vip] > 1 && len(count) > 1 {
			one.Above = append(one.Above, "Services on "+vip)
		}
		before = s.vip()
		if s.origin != "" {
			one.Above = append(one.Above, d.lines([]note{remark(s.at, "%s", s.origin)})...)
		}
		shared, own := s.hoist()
		one.Above = append(one.Above, d.lines(append(slices.Clone(s.notes), shared...))...)
		for _, notes := range own {
			one.Backends = append(one.Backends, d.lines(notes))
		}
		one.End = d.lines(s.endNotes)
		out.Services = append(out.Services, one)
	}
	return out
}

// hoist splits the notes about the backends into those that every backend has,
// of several, and the others.
func (s *service) hoist() (shared []note, own [][]note) {
	count := map[string]int{}
	for _, b := range s.backends {
		said := map[string]bool{}
		for _, n := range b.notes {
			if !said[n.text] {
				said[n.text] = true
				count[n.text]++
			}
		}
	}
	for _, b := range s.backends {
		var rest []note
		for _, n := range b.notes {
			if len(s.backends) > 1 && count[n.text] == len(s.backends) {
				shared = append(shared, n)
			} else {
				rest = append(rest, n)
			}
		}
		own = append(own, rest)
	}
	return shared, own
}

// lines gives one line for each text, with all its places.
func (d *draft) lines(notes []note) []string {
	var out []string
	for _, w := range grouped(notes) {
		switch {
		case w.Places[0].Line == 0:
			out = append(out, "Note: "+w.Text)
		case len(w.Places) == 1 && w.Places[0].File != d.opts.File:
			out = append(out, w.Places[0].String()+": "+w.Text)
		default:
			at := listPlaces(w.Places, d.opts.File)
			out = append(out, upperFirst(at)+": "+w.Text)
		}
	}
	return out
}

func upperFirst(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// warnings gives every note once, in the order of the places.
func (d *draft) warnings() []Warning {
	notes := slices.Concat(d.head, d.ipvs, d.director)
	for _, s := range d.services {
		notes = append(notes, s.all()...)
	}
	notes = append(notes, d.end...)
	return grouped(slices.DeleteFunc(notes, func(n note) bool { return n.mute }))
}

// grouped brings notes of one text together.
func grouped(notes []note) []Warning {
	var out []Warning
	index := map[string]int{}
	for _, n := range notes {
		i, seen := index[n.text]
		if !seen {
			i = len(out)
			index[n.text] = i
			out = append(out, Warning{Text: n.text})
		}
		out[i].Places = append(out[i].Places, n.at)
	}
	for i := range out {
		out[i].Places = sortPlaces(out[i].Places)
	}
	slices.SortStableFunc(out, func(a, b Warning) int {
		// What is about the whole file comes last.
		if whole := cmp.Compare(btoi(a.Places[0].Line == 0), btoi(b.Places[0].Line == 0)); whole != 0 {
			return whole
		}
		return comparePlaces(a.Places[0], b.Places[0])
	})
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// header says what the plan is and what to do with it.
func (d *draft) header(c *plans.Cluster) []string {
	lines := []string{
		fmt.Sprintf("Imported from %s of %s: %s.", clean(d.opts.File), d.tool, sumUp(c)),
		"",
		"What to do next:",
		"1. Read the comments that begin with a line number: the plan does not do what they say.",
		"2. Give the director the name that ssh knows it by, here and on the command line.",
		"3. lvsup plan: as long as the table is the one that was imported, there is only to adopt and to keep for the next boot.",
	}
	switch d.tool {
	case "ipvsadm":
		lines = append(lines, "4. lvsup apply, then take ipvsadm out of the boot: systemctl disable ipvsadm, or the lines in rc.local.")
	case "keepalived":
		lines = append(lines, "4. lvsup apply, then take the virtual servers out of keepalived.conf and reload it. It removes its services as it lets go of them: lvsup apply at once puts them back.")
	case "ldirectord":
		lines = append(lines, "4. lvsup apply, then set cleanstop = no, have ldirectord read that, stop and disable it. Without cleanstop = no it takes its services with it, and lvsup apply puts them back.")
	}
	return append(lines,
		"5. To have lvsup see to the real servers too (VIP, ARP, tunnels), describe them as real_server blocks, write host = real_server.NAME in the backends and take keep_vip = false out.",
	)
}

func (d *draft) directorLines() []string {
	return []string{
		"Interfaces are left alone: add interface blocks to have lvsup set them up.",
	}
}

package bench

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// goal is a ratio that a row is to reach.
type goal struct {
	tool  string
	least float64
}

// goals are for the hosts whose way is not made longer.
func (r row) goals() []goal {
	switch {
	case r.trip > 0 || r.hosts != 20:
		return nil
	case r.name == noChange, r.name == drift:
		return []goal{{ansible, 25}, {openSSH, 1}}
	case r.name == firstApply:
		return []goal{{ansible, 10}}
	}
	return nil
}

// cell is a ratio with its goal, and whether that is reached.
func (r row) cell(tool string) string {
	have, ok := r.ratio(tool)
	if !ok {
		return ""
	}
	text := have.String()
	for _, g := range r.goals() {
		if g.tool != tool {
			continue
		}
		word := "goal"
		if have.median < g.least {
			word = "MISSED, goal"
		}
		text += fmt.Sprintf(", %s %g", word, g.least)
	}
	return text
}

// table is all rows in Markdown.
func table(rows []row) string {
	var b strings.Builder
	line := func(cells ...string) { fmt.Fprintln(&b, "| "+strings.Join(cells, " | ")+" |") }
	line("case", "hosts", "added round trip", "lvsup took", "Ansible took, times that", "OpenSSH `true` took, times that", "with curve25519",
		"KiB a host: lvsup, Ansible, OpenSSH", "CPU a host: lvsup, Ansible, OpenSSH", "lvsup's memory")
	line(slices.Repeat([]string{"---"}, 10)...)
	for _, r := range rows {
		ours := r.samples[lvsup]
		hosts := fmt.Sprint(r.hosts)
		if r.lab {
			hosts += ", in the lab"
		}
		var traffic, cpu []string
		for _, tool := range []string{lvsup, ansible, openSSH} {
			if len(r.samples[tool]) == 0 {
				traffic, cpu = append(traffic, "–"), append(cpu, "–")
				continue
			}
			bytes := of(r.samples[tool], func(s sample) int64 { return s.traffic }) / int64(r.hosts)
			spent := of(r.samples[tool], func(s sample) time.Duration { return s.cpu }) / time.Duration(r.hosts)
			traffic = append(traffic, fmt.Sprintf("%.1f", float64(bytes)/1024))
			cpu = append(cpu, fmt.Sprintf("%.1f ms", float64(spent.Microseconds())/1000))
		}
		line(r.name, hosts, r.trip.String(), span(ours), r.cell(ansible), r.cell(openSSH), r.cell(curve25519),
			strings.Join(traffic, ", "), strings.Join(cpu, ", "),
			fmt.Sprintf("%.1f MiB", float64(of(ours, func(s sample) int64 { return s.memory }))/(1<<20)))
	}
	return b.String()
}

// span is the median of the times, and from the least to the greatest.
func span(samples []sample) string {
	var all []time.Duration
	for _, s := range samples {
		all = append(all, s.wall)
	}
	if len(all) == 0 {
		return ""
	}
	text := short(median(all))
	if len(all) > 1 {
		text += fmt.Sprintf(" (%s to %s)", short(slices.Min(all)), short(slices.Max(all)))
	}
	return text
}

func short(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

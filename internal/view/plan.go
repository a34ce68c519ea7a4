package view

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// What is shown of one file's difference: at most maxDiffLines, and of lines
// that go, one after the other, at most maxGone.
const (
	maxDiffLines = 40
	maxGone      = 3
)

var actionStyle = map[step.Action]style{
	step.Create: green, step.Update: yellow, step.Delete: red,
	step.Restore: yellow, step.Adopt: cyan, step.Forget: dim,
}

// Plan prints a plan in its order of execution: the stages forward, then the
// removals backward.
func (h *Human) Plan(p *plans.Plan) {
	h.Findings(p.Findings)
	n := 0
	for _, st := range plans.FirstStages() { // a second try would make the same changes
		n += h.planStage(p, st, false, n)
	}
	for _, st := range plans.ReverseStages() {
		n += h.planStage(p, st, true, n)
	}
	h.planErrors(p)
	h.PlanSummary(p)
	h.LeftOut(p)
}

// planStage prints one stage and gives 1 if it held anything.
func (h *Human) planStage(p *plans.Plan, st plans.Stage, reverse bool, before int) int {
	var all []block
	for _, host := range p.Hosts {
		if !st.Takes(host.Role) {
			continue
		}
		text := h.render(func(h *Human) { h.hostStage(host, st, reverse) })
		if text != "" {
			all = append(all, block{hosts: []string{host.Host}, text: h.folded(text)})
		}
	}
	if len(all) == 0 {
		return 0
	}
	title := st.Name
	if reverse {
		title += " (removals)"
	}
	h.printf("\n%s\n", h.paint(bold, fmt.Sprintf("%d. %s", before+1, title)))
	h.blocks(h.grouped(all), 3, func(hosts string) string { return "   " + hosts })
	return 1
}

// hostStage prints what one host has to do in a stage.
func (h *Human) hostStage(host plans.HostPlan, st plans.Stage, reverse bool) {
	guarded := false
	for _, kind := range st.Kinds {
		kc, _ := host.Kind(kind)
		for i, c := range kc.Changes {
			if c.Reverse() != reverse {
				continue
			}
			if c.Guarded != "" && !guarded {
				guarded = true
				h.guarded(c)
			}
			h.change(c, commandsOf(kc, i))
		}
	}
}

func commandsOf(kc wire.KindChanges, i int) []string {
	if i < len(kc.Commands) {
		return kc.Commands[i]
	}
	return nil
}

// guarded says that changes are made under a guard, and why.
func (h *Human) guarded(c step.Change) {
	h.printf("     %s\n", h.paint(yellow, "guarded: "+Clean(c.Guarded)))
	h.printf("     %s\n", h.paint(yellow, "lvsup connects anew and then writes the boot files; else all is taken back"))
}

// change prints one change and, where it is a file, the difference.
func (h *Human) change(c step.Change, commands []string) {
	text := Clean(c.Key)
	content := c.Field == step.ContentField
	if c.Field != "" && !content {
		text += " " + Clean(c.Field)
	}
	switch {
	case c.Follows:
		text += "  (the same, for the next boot)"
	case c.Action == step.Adopt:
		text += "  (already so; lvsup will keep it)"
	case content:
	case c.Action == step.Create && !said(c):
		text += ": " + Clean(c.To)
	case c.Action == step.Update || c.Action == step.Restore:
		text += ": " + shown(c.From) + " -> " + shown(c.To)
	}
	if c.Why != "" {
		text += h.paint(dim, "  # "+Clean(c.Why))
	}
	h.printf("     %s %s\n", h.paint(actionStyle[c.Action], Clean(string(rune(c.Action)))), text)
	if !c.Follows && !(h.Explain && c.Action == step.Create) { // the command has a new file whole
		h.fileDiff(c)
	}
	if c.Blocked != "" {
		h.printf("       %s %s\n", h.paint(red, "refused:"), Clean(c.Blocked))
	}
	h.typed(commands, "         ")
}

// typed prints what a person would type. The lines of a here-document begin where
// they do in the file, so that it can be copied.
func (h *Human) typed(commands []string, indent string) {
	if !h.Explain {
		return
	}
	for _, command := range commands {
		for i, line := range strings.Split(command, "\n") {
			cells := strings.Split(line, "\t") // which are the file's
			for n, cell := range cells {
				cells[n] = Clean(cell)
			}
			line = strings.Join(cells, "\t")
			if i == 0 {
				line = indent + "$ " + line
			}
			h.printf("%s\n", h.paint(cyan, line))
		}
	}
}

// said reports whether the resource's name tells its value already.
func said(c step.Change) bool {
	return c.To == "" || c.To == "present" || strings.HasPrefix(c.Key, c.To)
}

// shown makes an empty value visible.
func shown(s string) string {
	if s == "" {
		return `""`
	}
	return Clean(s)
}

// fileDiff prints how a file's text changes.
func (h *Human) fileDiff(c step.Change) {
	for _, line := range FileDifference(c) {
		s := dim
		switch {
		case strings.HasPrefix(line, "+"):
			s = green
		case strings.HasPrefix(line, "-"):
			s = red
		}
		h.printf("         %s\n", h.paint(s, line))
	}
}

// FileDifference is how a file's text changes, as a patch without its headers,
// shortened. It is empty where nothing is written to a file.
func FileDifference(c step.Change) []string {
	if c.Field != step.ContentField || !c.Action.Mutates() {
		return nil
	}
	if strings.HasPrefix(c.From, "base64:") || strings.HasPrefix(c.To, "base64:") {
		return []string{"(not text)"}
	}
	lines := cleanLines(udiff.Unified("", "", c.From, c.To))
	if len(lines) < 3 {
		return nil
	}
	var shown []string
	lines = foldGone(lines[2:]) // without --- and +++
	for i, line := range lines {
		switch {
		case i == maxDiffLines:
			return append(shown, fmt.Sprintf("... %d more lines", len(lines)-i))
		case !strings.HasPrefix(line, "@@"):
			shown = append(shown, line)
		case i > 0:
			shown = append(shown, "...")
		}
	}
	return shown
}

// foldGone shortens runs of lines that go: a page that is replaced need not be
// shown whole.
func foldGone(lines []string) []string {
	var folded []string
	for i := 0; i < len(lines); {
		n := i
		for n < len(lines) && strings.HasPrefix(lines[n], "-") {
			n++
		}
		switch {
		case n-i > maxGone+1:
			folded = append(folded, lines[i:i+maxGone]...)
			folded = append(folded, fmt.Sprintf("- ... %d more lines go", n-i-maxGone))
			i = n
		default:
			n = max(n, i+1)
			folded = append(folded, lines[i:n]...)
			i = n
		}
	}
	return folded
}

// planErrors prints the kinds that could not be observed.
func (h *Human) planErrors(p *plans.Plan) {
	var all []block
	for _, host := range p.Hosts {
		for _, k := range host.Kinds {
			if k.Error != "" {
				all = append(all, block{hosts: []string{host.Host}, text: Clean(k.Error) + "\n"})
			}
		}
	}
	for _, b := range h.grouped(all) {
		h.printf("\n%s %s: %s", h.paint(red, "Error:"), hostList(h.OutColumns, len("Error: "), 1, b.hosts), b.text)
	}
}

// PlanSummary prints the plan's last line.
func (h *Human) PlanSummary(p *plans.Plan) {
	n := p.Count()
	if len(p.Hosts) == 0 {
		return // nobody knows what would change
	}
	if n.Changes() == 0 && n.Errors == 0 {
		h.printf("No changes: %s of cluster %q %s as the plan wants.\n", Plural(len(p.Hosts), "host"), p.Cluster, isAre(len(p.Hosts)))
		return
	}
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{
		{n.Create, "to create"}, {n.Update, "to update"}, {n.Delete, "to remove or restore"},
		{n.Adopt, "to adopt"}, {n.Forget, "to forget"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if n.Blocked > 0 {
		parts = append(parts, fmt.Sprintf("%d refused", n.Blocked))
	}
	if n.Errors > 0 {
		parts = append(parts, Plural(n.Errors, "error"))
	}
	h.printf("\n%s %s on %s.\n", h.paint(bold, "Plan:"), strings.Join(parts, ", "), Plural(len(p.Hosts), "host"))
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// Findings prints what the checks found, errors first. Hosts with one and the
// same finding share a line.
func (h *Human) Findings(all []plans.Finding) {
	for _, severity := range []plans.Severity{plans.Error, plans.Warning} {
		hosts := map[plans.Finding][]string{}
		var order []plans.Finding
		for _, f := range all {
			if f.Severity != severity {
				continue
			}
			same := f
			same.Host = ""
			if hosts[same] == nil {
				order = append(order, same)
			}
			hosts[same] = append(hosts[same], f.Host)
		}
		for _, f := range order {
			h.finding(f, hosts[f])
		}
	}
}

func (h *Human) finding(f plans.Finding, hosts []string) {
	label, s := "Warning:", yellow
	if f.Severity == plans.Error {
		label, s = "Error:", red
	}
	where := hostList(h.OutColumns, len(label)+1, 1, hosts)
	if where != "" {
		where += ": "
	}
	h.printf("%s %s%s\n", h.paint(s, label), where, Clean(f.Summary))
	if f.Detail != "" {
		h.printf("  %s\n", Clean(f.Detail))
	}
}

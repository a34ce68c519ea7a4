package drift

import (
	"fmt"
	"io"
	"strings"

	"github.com/lvsup/lvsup/internal/view"
)

// markdown writes for those who read it rendered: a line for all, and a heading
// for each host that something is to be said of.
func (r *Report) markdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "# Drift: %s\n\nChecked %s\n", r.summary(), r.At.Format(view.Minute))
	for _, c := range r.Clusters {
		if len(r.Clusters) > 1 {
			fmt.Fprintf(&out, "\n## Cluster %s\n", code(c.Name))
		}
		for _, e := range c.Errors {
			fmt.Fprintf(&out, "\n**Not looked at whole:** %s\n", code(e))
		}
		for i := range c.Hosts {
			c.Hosts[i].markdown(&out)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (h *Host) markdown(out *strings.Builder) {
	if h.Differences() == 0 && h.Whole() {
		return
	}
	fmt.Fprintf(out, "\n### %s\n\n", code(h.Name))
	for _, e := range h.Errors {
		fmt.Fprintf(out, "- **not looked at whole:** %s\n", code(e))
	}
	if !h.Looked && len(h.Errors) == 0 {
		fmt.Fprint(out, "- **not looked at**\n")
	}
	for _, k := range h.Kinds {
		for _, c := range k.Changes {
			fmt.Fprintf(out, "- %s %s\n", k.Name, code(c.String()))
			diff := view.FileDifference(c.Change)
			if len(diff) == 0 {
				continue
			}
			fence := "  " + fenceFor(diff)
			fmt.Fprintf(out, "\n%sdiff\n", fence)
			for _, line := range diff {
				fmt.Fprintf(out, "  %s\n", line)
			}
			fmt.Fprintf(out, "%s\n", fence)
		}
	}
}

// code makes text a code span, whatever back quotes it has (CommonMark, 6.1).
func code(text string) string {
	ticks := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// fenceFor is a fence that no line of a block ends (CommonMark, 4.5).
func fenceFor(lines []string) string {
	n := 3
	for _, l := range lines {
		n = max(n, longestRun(l)+1)
	}
	return strings.Repeat("`", n)
}

// longestRun is the length of the longest run of back quotes.
func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}

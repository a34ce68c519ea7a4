package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/report"
)

// every command that a person sees.
func every(c *cobra.Command, do func(*cobra.Command)) {
	if c.Hidden {
		return
	}
	do(c)
	for _, sub := range c.Commands() {
		every(sub, do)
	}
}

// Every command has its place in the list, and the examples have only commands and
// flags that there are.
func TestHelpIsRight(t *testing.T) {
	root := newRoot(newGlobals())
	known := topics()
	for _, c := range root.Commands() {
		if _, ok := known[c.Name()]; !ok && c.IsAvailableCommand() {
			t.Errorf("lvsup %s has no group in topics", c.Name())
		}
	}
	comment := regexp.MustCompile(`  +# .*`)
	every(root, func(c *cobra.Command) {
		texts := c.Example + "\n" + c.Long
		for line := range strings.SplitSeq(texts, "\n") {
			_, typed, ok := strings.Cut(comment.ReplaceAllString(line, ""), "  lvsup ")
			if !ok {
				continue
			}
			words := strings.Fields(strings.ReplaceAll(typed, "$(lvsup lab ssh-config) ", ""))
			if len(words) > 0 && words[0] == "-F" {
				words = words[1:]
			}
			shown, _, err := root.Find(words)
			if err != nil || shown == root {
				t.Errorf("%s: lvsup %s: no such command", c.CommandPath(), typed)
				continue
			}
			for _, w := range words {
				if w == "--" {
					break
				}
				name, _, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
				if strings.HasPrefix(w, "--") && shown.Flag(name) == nil && root.PersistentFlags().Lookup(name) == nil {
					t.Errorf("%s: lvsup %s: no flag %s", c.CommandPath(), typed, w)
				}
			}
		}
	})
}

func TestEveryExitCodeHasItsMeaning(t *testing.T) {
	all := []report.Code{
		report.Failed, report.Changes, report.Partial, report.Unreachable, report.RolledBack,
		report.Stale, report.Locked, report.ProbeFailed, report.Interrupted,
	}
	said := map[report.Code]bool{}
	for _, m := range meanings() {
		said[m.code] = true
	}
	for _, code := range append(all, report.Done) {
		if !said[code] {
			t.Errorf("exit code %d is not explained", code)
		}
	}
	if len(said) != len(all)+1 {
		t.Errorf("%d codes are explained, there are %d", len(said), len(all)+1)
	}
}

// A page for each command, of which no line is a request by chance.
func TestManual(t *testing.T) {
	dir := t.TempDir()
	root := newRoot(newGlobals())
	if err := writeManual(dir, root); err != nil {
		t.Fatal(err)
	}
	request := regexp.MustCompile(`^\.(TH|SH|PP|TP|nf|fi|B|BR)\b`)
	every(root, func(c *cobra.Command) {
		if c.Name() == "help" || c.IsAdditionalHelpTopicCommand() {
			return
		}
		page, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(string(page), "\n") {
			if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && !request.MatchString(line) {
				t.Errorf("%s: %q", c.CommandPath(), line)
			}
		}
	})
}

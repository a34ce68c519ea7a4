package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/firstplan"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans/examples"
)

// defaultPlan is the file that a first plan goes to.
const defaultPlan = "cluster.hcl"

func newInit(g *globals) *cobra.Command {
	var (
		from, name string
		hosts      []string
	)
	cmd := &cobra.Command{
		Use:   "init [FILE|DIR]",
		Short: "Write a first plan: by asking, from an example, or of live hosts",
		Long: `Write a first plan, to ` + defaultPlan + ` if nothing else is said. A file that is there is
never overwritten.

Without a flag, lvsup asks a few questions; Enter takes the answer in brackets, and
each answer is checked at once. --from starts from an annotated example. --discover
looks at hosts that are a cluster already, without changing anything there: what is
on them becomes the plan, and what it would still change is said.

  lvsup init
  lvsup init --from nat web.hcl
  lvsup init --discover lb,node1,node2 web.hcl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := planPath(args)
			if err != nil {
				return err
			}
			if err := startFrom(from, hosts); err != nil {
				return err
			}
			var text []byte
			switch {
			case from != "":
				text, err = examples.Text(from)
			case len(hosts) > 0:
				text, err = g.discovered(cmd.Context(), name, hosts)
			default:
				text, err = g.interview(cmd.Context(), cmd.InOrStdin())
			}
			if err != nil {
				return err
			}
			return g.wrote(path, text)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`name` of an example: "+strings.Join(examples.Names(), ", "))
	cmd.Flags().StringSliceVar(&hosts, "discover", nil, "`hosts` that are a cluster already, by the names that ssh knows; commas between them")
	cmd.Flags().StringVar(&name, "name", "web", "`name` of the cluster, with --discover")
	return cmd
}

// planPath is where the plan goes: into a directory under the usual name. A
// directory with a plan in it is not for another one, since all its files are one
// plan.
func planPath(args []string) (string, error) {
	path := defaultPlan
	if len(args) == 1 {
		path = args[0]
	}
	if info, err := os.Stat(path); strings.HasSuffix(path, "/") || err == nil && info.IsDir() {
		there, err := filepath.Glob(filepath.Join(path, "*.hcl"))
		if err != nil {
			return "", err
		}
		if len(there) > 0 {
			return "", fmt.Errorf("cannot write a first plan into %s: it has a plan, %s; name another directory, or a file", path, filepath.Base(there[0]))
		}
		return filepath.Join(path, defaultPlan), nil
	}
	if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("cannot write a first plan to %s: the file is there already; name another one", path)
	}
	return path, nil
}

// wrote writes the plan and says what to type next.
func (g *globals) wrote(path string, text []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("cannot write the plan: %s is there already", path)
	case err != nil:
		return fmt.Errorf("cannot write the plan: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot write the plan: %w", errors.Join(err, os.Remove(path)))
	}
	if g.json {
		return g.result(&view.Document{Files: []view.File{{File: path}}, Exit: report.Done})
	}
	h := g.human()
	h.Say("Wrote %s. Read it, and change what is not right. Then:", view.Clean(path))
	h.Say("")
	h.Say("  lvsup plan %s     # what it would change on the hosts", view.Clean(path))
	h.Say("  lvsup apply %s    # change it, verify it, probe it", view.Clean(path))
	return nil
}

// interview asks the questions and gives the plan.
func (g *globals) interview(ctx context.Context, in io.Reader) ([]byte, error) {
	if err := g.noJSON("cannot ask questions with --json: use --from or --discover"); err != nil {
		return nil, err
	}
	if !canAsk() {
		return nil, fmt.Errorf("cannot ask what the plan needs: %w; use --from %s, or --discover HOST,HOST", errNoTerminal, strings.Join(examples.Names(), ", --from "))
	}
	h := g.human()
	lines := readLines(in)
	h.Say("A few questions about the cluster. Enter takes what is in brackets, and Ctrl-C")
	h.Say("leaves without a plan.")
	var i firstplan.Interview
	before := ""
	for {
		q, more := i.Next()
		if !more {
			return i.Plan()
		}
		if q.Text != before && len(q.Help) > 0 { // and not again after a mistake
			h.Say("%s", strings.Join(append([]string{""}, q.Help...), "\n"))
		}
		before = q.Text
		fmt.Fprintf(h.Out, "%s [%s]: ", q.Text, q.Default)
		select {
		case line, open := <-lines:
			if !open {
				return nil, errors.New("cannot go on: there are no more answers; nothing was written")
			}
			for _, d := range i.Answer(line) {
				for _, line := range folded(strings.TrimSuffix(d.Summary, ".")+". "+d.Detail, 76) {
					h.Say("  %s", view.Clean(line))
				}
			}
		case <-ctx.Done():
			h.Say("")
			return nil, context.Cause(ctx)
		}
	}
}

// folded breaks a text between words into lines of at most width characters.
func folded(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// readLines reads lines until the end, in the background.
func readLines(in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

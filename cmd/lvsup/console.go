package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newConsole(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "console [PLAN]",
		Short: "Try out expressions, with a plan's values or without",
		Long: `Try out expressions: each line of stdin is evaluated as if it stood in the plan,
and its value printed. Without a plan there are only the functions. No host is
touched. Where stdin is no terminal, the first mistake ends it with exit code 1.

  echo 'cidrhost("192.168.140.0/24", 10)' | lvsup console
  echo 'values(real_server.node)[*].ip' | lvsup console cluster.hcl`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h := g.human()
			console, files, diags := hcl.OpenConsole(args, g.options())
			if len(diags) > 0 && !g.json {
				hcl.WriteDiagnostics(h.Err, files, diags, h.ErrColor())
			}
			if console == nil {
				return g.mistaken(diags)
			}
			if !g.json {
				return converse(cmd.InOrStdin(), h, canAsk(), func(text string) bool { return answer(h, console, text) })
			}
			doc := &view.Document{Diagnostics: diags}
			err := converse(cmd.InOrStdin(), h, false, func(text string) bool {
				value, diags := console.EvalJSON(text)
				doc.Values = append(doc.Values, view.Value{Expression: text, Value: value, Diagnostics: diags})
				return value != nil
			})
			var coded *exitError
			if err != nil && !errors.As(err, &coded) {
				return err
			}
			if err != nil {
				doc.Exit, doc.Codes = coded.code, []report.Code{coded.code}
			}
			return g.result(doc)
		},
	}
}

// converse answers line by line to the end of the input. A mistake ends it unless it is
// interactive.
func converse(in io.Reader, h *view.Human, interactive bool, answer func(text string) bool) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, hcl.MaxSize)
	prompt := func(text string) {
		if interactive {
			fmt.Fprint(h.Err, text)
		}
	}
	text := ""
	for prompt("> "); lines.Scan(); {
		text += lines.Text() + "\n"
		if hcl.Incomplete(text) {
			prompt(". ")
			continue
		}
		line := strings.TrimSpace(text)
		text = ""
		switch line {
		case "":
		case "exit", "quit":
			return nil
		default:
			if !answer(line) && !interactive {
				return exit(report.Failed)
			}
		}
		prompt("> ")
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read expressions: %w", err)
	}
	if text = strings.TrimSpace(text); text != "" && !answer(text) {
		return exit(report.Failed)
	}
	prompt("\n")
	return nil
}

// answer prints a value, or why there is none.
func answer(h *view.Human, console *hcl.Console, text string) bool {
	value, diags := console.Eval(text)
	if len(diags) > 0 {
		hcl.WriteDiagnostics(h.Err, map[string][]byte{hcl.ConsoleFile: []byte(text)}, diags, h.ErrColor())
		for _, d := range diags {
			if d.Severity == plans.Error {
				return false
			}
		}
	}
	h.Raw(value)
	return true
}

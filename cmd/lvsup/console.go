package main

import (
	"bufio"
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
			if err := g.noJSON("cannot talk in JSON: a console prints values as a plan has them; jsonencode(...) gives one as JSON"); err != nil {
				return err
			}
			h := g.human()
			console, files, diags := hcl.OpenConsole(args, g.options())
			if len(diags) > 0 {
				hcl.WriteDiagnostics(h.Err, files, diags, h.Color)
			}
			if console == nil {
				return exit(report.Failed)
			}
			return converse(cmd.InOrStdin(), h, console, canAsk())
		},
	}
}

// converse answers line by line to the end of the input.
func converse(in io.Reader, h *view.Human, console *hcl.Console, interactive bool) error {
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
			if !answer(h, console, line) && !interactive {
				return exit(report.Failed)
			}
		}
		prompt("> ")
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read expressions: %w", err)
	}
	if text = strings.TrimSpace(text); text != "" && !answer(h, console, text) {
		return exit(report.Failed)
	}
	prompt("\n")
	return nil
}

// answer prints a value, or why there is none.
func answer(h *view.Human, console *hcl.Console, text string) bool {
	value, diags := console.Eval(text)
	if len(diags) > 0 {
		hcl.WriteDiagnostics(h.Err, map[string][]byte{hcl.ConsoleFile: []byte(text)}, diags, h.Color)
		for _, d := range diags {
			if d.Severity == plans.Error {
				return false
			}
		}
	}
	h.Raw(value)
	return true
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/build"
)

// newMan writes the manual's pages, for make install and packagers.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man FOLDER",
		Short:  "Write the manual's pages into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("cannot make the folder for the manual: %w", err)
			}
			return writeManual(args[0], cmd.Root())
		},
	}
}

// writeManual writes a page for the command and for each below it, in section 1.
func writeManual(dir string, c *cobra.Command) error {
	if c.Hidden || c.Name() == "help" || c.IsAdditionalHelpTopicCommand() {
		return nil
	}
	c.InitDefaultHelpFlag()
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(dir, name+".1"), []byte(manPage(c)), 0o644); err != nil {
		return fmt.Errorf("cannot write the manual: %w", err)
	}
	for _, sub := range c.Commands() {
		if err := writeManual(dir, sub); err != nil {
			return err
		}
	}
	return nil
}

// manPage is a command's page in the macros of man(7). It has the text of its help.
func manPage(c *cobra.Command) string {
	var b strings.Builder
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"lvsup %s\" \"lvsup\"\n", strings.ToUpper(roff(name)), roff(build.Version()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(lowerFirst(c.Short)))
	b.WriteString(".SH SYNOPSIS\n.nf\n")
	if c.Runnable() {
		fmt.Fprintf(&b, ".B %s\n", roff(c.UseLine()))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, ".B %s COMMAND\n", roff(c.CommandPath()))
	}
	b.WriteString(".fi\n")
	if long := c.Long; long != "" {
		b.WriteString(".SH DESCRIPTION\n" + roffText(long))
	}
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
			}
		}
	}
	if flags := c.LocalFlags().FlagUsagesWrapped(76); flags != "" {
		b.WriteString(".SH OPTIONS\n.nf\n" + roffLines(flags) + ".fi\n")
	}
	if c.HasParent() {
		b.WriteString("Options of every command are in\n.BR lvsup (1).\n")
	} else {
		b.WriteString(".SH EXIT STATUS\n" + roffText(strings.TrimPrefix(exitCodes(), "What the exit codes say:\n\n")))
	}
	if c.HasExample() {
		b.WriteString(".SH EXAMPLES\n" + roffText(c.Example))
	}
	b.WriteString(".SH SEE ALSO\n")
	if parent := c.Parent(); parent != nil {
		fmt.Fprintf(&b, ".BR %s (1),\n", roff(strings.ReplaceAll(parent.CommandPath(), " ", "-")))
	}
	b.WriteString(".BR ipvsadm (8),\n.BR ssh_config (5)\n")
	return b.String()
}

// roff makes groff print a text as it is, with a hyphen that can be copied.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
}

// roffLines are lines of which none is taken for a request.
func roffLines(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString(`\&` + roff(line) + "\n")
	}
	return b.String()
}

// roffText sets paragraphs, and leaves lines that are indented as they are.
func roffText(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, " ") {
			b.WriteString(".nf\n" + roffLines(paragraph) + ".fi\n")
		} else {
			b.WriteString(roffLines(paragraph))
		}
	}
	return b.String()
}

func lowerFirst(text string) string {
	if text == "" || strings.HasPrefix(text, "IP") {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

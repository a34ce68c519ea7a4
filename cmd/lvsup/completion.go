package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/lab"
	"github.com/lvsup/lvsup/plans"
	"github.com/lvsup/lvsup/plans/examples"
)

func newCompletion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print what makes a shell complete lvsup's words",
		Long: `Print what makes a shell complete lvsup's words: commands, flags, plan files, and
the names of hosts and clusters in a plan. SHELL is bash, zsh or fish. Once for a
user:

  mkdir -p ~/.local/share/bash-completion/completions
  lvsup completion bash > ~/.local/share/bash-completion/completions/lvsup

  mkdir -p ~/.zfunc    # and in ~/.zshrc: fpath+=~/.zfunc; autoload -U compinit; compinit
  lvsup completion zsh > ~/.zfunc/_lvsup

  mkdir -p ~/.config/fish/completions
  lvsup completion fish > ~/.config/fish/completions/lvsup.fish

bash needs the package bash-completion. "make install" puts them where every user
has them.`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root, out := cmd.Root(), g.out()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			}
			return fmt.Errorf("cannot complete for %q: the shells are bash, zsh and fish", args[0])
		},
	}
}

// words gives what may follow, and whether files may, too.
type words = cobra.CompletionFunc

// addCompletion gives commands and flags the words that may follow them.
func (g *globals) addCompletion(c *cobra.Command) {
	if c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 {
		switch {
		case strings.Contains(c.Use, "PLAN"), c.Name() == "fmt":
			c.ValidArgsFunction = planFiles
		case strings.Contains(c.Use, " HOST"):
			c.ValidArgsFunction = g.labHosts
		}
	}
	for name, complete := range map[string]words{
		"cluster": g.clusters, "probe-from": g.vantages, "target": g.targets, "exclude": g.targets,
		"on-unreachable": oneOf("stop", "skip"), "from": oneOf(examples.Names()...), "with": oneOf("systemd", "cron"),
		"var-file": endingIn("hcl"), "ignore": endingIn("hcl"), "script": folders,
	} {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, complete) // the only error is a second one for a flag
		}
	}
	for name, texts := range map[string]func() []string{
		"format": func() []string { return formatsOf(c) },
		"stack":  func() []string { return []string{"ifupdown", "networkd", "networkmanager", "netplan", "selinux"} },
	} {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, oneOf(texts()...))
		}
	}
	for _, sub := range c.Commands() {
		g.addCompletion(sub)
	}
}

// formatsOf are those of a command, as the help of its flag lists them.
func formatsOf(c *cobra.Command) []string {
	usage := c.Flag("format").Usage
	_, list, found := strings.Cut(usage, " of ")
	if !found {
		return driftFormats()
	}
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func oneOf(texts ...string) words {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return texts, cobra.ShellCompDirectiveNoFileComp
	}
}

func endingIn(suffix string) words {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{suffix}, cobra.ShellCompDirectiveFilterFileExt
	}
}

func folders(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// planFiles are the plans and, for an apply, what lvsup plan --out saved.
func planFiles(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && c.Name() != "fmt" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	suffixes := []string{"hcl"}
	if c.Name() == "apply" {
		suffixes = append(suffixes, "plan")
	}
	return suffixes, cobra.ShellCompDirectiveFilterFileExt
}

// planned gives the clusters of the plan on the command line or, where none is there
// yet, of the only plan in this folder.
func (g *globals) planned(args []string) []*plans.Cluster {
	if len(args) == 0 {
		args, _ = filepath.Glob("*.hcl") // the only error is a bad pattern
	}
	if len(args) != 1 {
		return nil
	}
	all, _, _ := hcl.LoadAll(args, g.options())
	return slices.DeleteFunc(all, func(c *plans.Cluster) bool { return c == nil })
}

func (g *globals) clusters(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, c := range g.planned(args) {
		names = append(names, c.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// hosts are those of the plan, each with its part in it.
func (g *globals) hosts(args []string) []string {
	var names []string
	for _, c := range g.planned(args) {
		for _, h := range c.Hosts {
			names = append(names, cobra.CompletionWithDesc(h.Name, strings.ReplaceAll(string(h.Role), "_", " ")))
		}
	}
	return names
}

func (g *globals) vantages(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return append(g.hosts(args), cobra.CompletionWithDesc("local", "this machine")), cobra.ShellCompDirectiveNoFileComp
}

func (g *globals) targets(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	all := g.hosts(args)
	for _, kind := range plans.KindOrder() {
		all = append(all, "kind="+kind)
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// labHosts are those of the labs that are up.
func (g *globals) labHosts(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && c.Name() != "power-cycle" {
		return nil, cobra.ShellCompDirectiveDefault // words of a command
	}
	var names []string
	labs, _ := lab.List("") // nothing is completed where none can be read
	for _, l := range labs {
		for _, guest := range l.Topology.Guests {
			names = append(names, cobra.CompletionWithDesc(guest.Name, "lab "+l.Name))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

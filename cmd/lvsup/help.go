package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/report"
)

// The groups in which lvsup help lists the commands, in that order.
const (
	groupDo    = "do"
	groupPlan  = "plan"
	groupWatch = "watch"
	groupMore  = "more"
)

// topic is what the help of a command has beside its own text.
type topic struct{ group, example string }

// topics of the commands, by the words that follow "lvsup".
func topics() map[string]topic {
	return map[string]topic{
		"plan": {groupDo, `
  lvsup plan cluster.hcl
  lvsup plan --explain cluster.hcl          # with what you would type instead
  lvsup plan --out web.plan cluster.hcl     # for lvsup apply web.plan
  lvsup plan --script scripts cluster.hcl   # shell scripts to run by hand`},
		"apply": {groupDo, `
  lvsup apply cluster.hcl
  lvsup apply --yes cluster.hcl             # without a question
  lvsup apply --target node3 cluster.hcl    # on one host alone
  lvsup apply --resume cluster.hcl          # only what the last run left`},
		"destroy": {groupDo, `
  lvsup plan --destroy cluster.hcl          # what it would do
  lvsup destroy cluster.hcl`},

		"init": {groupPlan, ""},
		"validate": {groupPlan, `
  lvsup validate cluster.hcl`},
		"fmt": {groupPlan, `
  lvsup fmt                                 # every plan in this folder
  lvsup fmt --diff cluster.hcl`},
		"console": {groupPlan, `
  lvsup console cluster.hcl                 # then type: cidrhost("10.0.0.0/24", 5)`},
		"import": {groupPlan, ""},
		"graph": {groupPlan, `
  lvsup graph --output cluster.svg cluster.hcl`},

		"drift": {groupWatch, `
  lvsup drift cluster.hcl
  lvsup drift --format markdown cluster.hcl
  lvsup drift --explain cluster.hcl         # with what would mend it by hand`},
		"schedule": {groupWatch, `
  lvsup schedule install --every 1h cluster.hcl
  lvsup schedule show`},
		"probe": {groupWatch, `
  lvsup probe cluster.hcl
  lvsup probe --probe-from local cluster.hcl`},
		"doctor": {groupWatch, `
  lvsup doctor cluster.hcl`},
		"status": {groupWatch, `
  lvsup status cluster.hcl`},
		"export": {groupWatch, `
  lvsup export ipvsadm cluster.hcl > rules`},

		"report": {groupWatch, `
  lvsup report merge shard-*.json`},

		"lab": {groupMore, `
  lvsup lab up cluster.hcl
  lvsup -F $(lvsup lab ssh-config) apply cluster.hcl
  lvsup lab exec client -- curl -s http://192.168.140.100/
  lvsup lab down`},
		"completion": {groupMore, ""},
		"version":    {groupMore, ""},
		"help":       {groupMore, ""},
	}
}

// addHelp gives the commands their groups, examples and the form of their help.
func addHelp(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: groupDo, Title: "Put a cluster up:"},
		&cobra.Group{ID: groupPlan, Title: "Write a plan:"},
		&cobra.Group{ID: groupWatch, Title: "Look after it:"},
		&cobra.Group{ID: groupMore, Title: "And more:"},
	)
	root.SetHelpCommandGroupID(groupMore)
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"})
	help.Run, help.RunE = nil, func(c *cobra.Command, args []string) error {
		about, _, err := c.Root().Find(args)
		if err != nil {
			return err // with what else was meant, perhaps
		}
		about.InitDefaultHelpFlag()
		return about.Help()
	}
	for _, c := range root.Commands() {
		t, known := topics()[c.Name()]
		if !known {
			t.group = groupMore
		}
		if !c.IsAdditionalHelpTopicCommand() {
			c.GroupID = t.group
		}
		if t.example != "" {
			c.Example = strings.TrimPrefix(t.example, "\n")
		}
	}
	root.SetUsageTemplate(usageTemplate)
}

// usageTemplate is cobra's, but that the flags of every command are listed once, by
// lvsup help, and that lines are not spent on what nobody asked.
const usageTemplate = `Usage:{{if and .Runnable (not .HasAvailableSubCommands)}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}{{$commands := .Commands}}{{if not .Groups}}

Commands:{{range $commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{range $group := .Groups}}

{{.Title}}{{range $commands}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command, such as -F and --var: lvsup help{{end}}{{if .HasAvailableSubCommands}}

More about a command: {{.CommandPath}} COMMAND --help{{if not .HasParent}}
What the exit codes say: lvsup help exit-codes{{end}}{{end}}
`

// newExitCodes is a page of the help, and no command.
func newExitCodes() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes say", Long: exitCodes()}
}

// meaning is what an exit code says, to a script and to a person.
type meaning struct {
	code report.Code
	says string
}

func meanings() []meaning {
	return []meaning{
		{report.Done, "done, or there was nothing to do"},
		{report.Failed, "an error: nothing was done, or not everything"},
		{report.Changes, "something differs (drift; plan --detailed-exitcode; fmt --check)"},
		{report.Partial, "some hosts failed, the others are done"},
		{report.Unreachable, "a host could not be reached"},
		{report.RolledBack, "a host took back a change of its own address"},
		{report.Stale, "the hosts are no longer what the plan showed: plan again"},
		{report.Locked, "another run holds a host"},
		{report.ProbeFailed, "all is set up, but the VIP does not answer as it should"},
		{report.Interrupted, "interrupted by Ctrl-C or SIGTERM"},
	}
}

func exitCodes() string {
	var b strings.Builder
	b.WriteString("What the exit codes say:\n\n")
	var all []report.Code
	for _, m := range meanings() {
		fmt.Fprintf(&b, "  %3d  %s\n", m.code, m.says)
		all = append(all, m.code)
	}
	var worst []string
	for _, code := range report.Sorted(all) {
		worst = append(worst, fmt.Sprint(code))
	}
	fmt.Fprintf(&b, "\nWhere several apply, the worst is the exit code: %s.\n", strings.Join(worst, ", "))
	b.WriteString("With --json, the result lists all of them.")
	return b.String()
}

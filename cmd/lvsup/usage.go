package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// singleDash lets a long flag of a command begin with one dash, as people know
// it from Terraform: -out FILE. The lab's commands hand words on to others and
// take two dashes only.
func singleDash(root *cobra.Command, args []string) []string {
	c, _, err := root.Find(args)
	if err != nil || c.Parent() != root {
		return args
	}
	all := slices.Clone(args)
	for i, arg := range all {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && len(name) > 1 && c.Flag(name) != nil {
			all[i] = "-" + arg
		}
	}
	return all
}

// explainUsage makes a wrong command line answer with the right one, for the
// command and all below it.
func explainUsage(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	})
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if check(c, args) == nil {
				return nil
			}
			with := "alone"
			if len(args) > 0 {
				with = "with " + strings.Join(args, " ")
			}
			return fmt.Errorf("cannot run %s %s; usage: %s%s", c.CommandPath(), with, c.CommandPath(), strings.TrimPrefix(c.Use, c.Name()))
		}
	}
	if c.HasSubCommands() && c.HasParent() {
		// Cobra itself takes an unknown word after such a command in silence.
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			var names []string
			for _, sub := range c.Commands() {
				if !sub.Hidden {
					names = append(names, sub.Name())
				}
			}
			return fmt.Errorf("unknown command %q for %q: there are %s", args[0], c.CommandPath(), strings.Join(names, ", "))
		}
	}
	for _, sub := range c.Commands() {
		explainUsage(sub)
	}
}

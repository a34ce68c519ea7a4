package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/lab"
	"github.com/lvsup/lvsup/internal/report"
)

// newLabCommand makes `lvsup lab` and its subcommands.
func newLabCommand(g *globals) *cobra.Command {
	command := &cobra.Command{
		Use:   "lab",
		Short: "Boot the hosts of a plan on this machine, each with a real kernel",
		Long: `Boot the hosts of a plan on this machine as User-Mode Linux guests, each with a
kernel, an sshd and a systemd of its own, and a client beside them. The command
"lvsup lab ssh-config" prints the path of an ssh_config that leads to them:

    lvsup lab up nat.hcl
    lvsup -F $(lvsup lab ssh-config) apply nat.hcl

Labs need root, and a few Debian packages that "lab up" names if they are
missing. Their traffic stays in a network namespace of their own.`,
	}
	var name string
	command.PersistentFlags().StringVar(&name, "lab", "", "the lab, if several are up")
	command.AddCommand(
		newLabUp(g), newLabDown(g, &name), newLabList(g), newLabSSH(g, &name), newLabExec(g, &name),
		newLabPowerCycle(g, &name), newLabPowerOff(g, &name), newLabSSHConfig(g, &name), newLabConnect(&name),
	)
	return command
}

func newLabUp(g *globals) *cobra.Command {
	var o lab.Options
	command := &cobra.Command{
		Use:   "up PLAN",
		Short: "Boot the hosts of a plan, and a client",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := lab.Requirements(); err != nil {
				return err
			}
			cluster, err := g.load(args[0])
			if err != nil {
				return err
			}
			view := g.labView(cmd.ErrOrStderr())
			o.Cluster, o.Events = cluster, view.event
			begin := time.Now()
			s, already, err := lab.Up(cmd.Context(), o)
			view.close()
			if err != nil {
				return err
			}
			if g.json {
				return g.labResult(already, s)
			}
			view.up(s, already, time.Since(begin))
			return nil
		},
	}
	command.Flags().BoolVar(&o.Inband, "inband", false, "no management network: the plan's interfaces start on DHCP, and SSH uses them")
	command.Flags().StringVar((*string)(&o.Stack), "stack", string(lab.Ifupdown), "what brings the hosts' interfaces up: ifupdown, networkd, networkmanager or netplan; or selinux")
	command.Flags().StringVar(&o.Name, "name", "", "name of the lab (default: the cluster's)")
	return command
}

func newLabDown(g *globals, name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down [NAME]",
		Short: "Switch a lab's hosts off and remove everything of it but the image",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			view := g.labView(cmd.ErrOrStderr())
			defer view.close()
			o := lab.Options{Name: *name, Events: view.event}
			if len(args) == 1 {
				o.Name = args[0]
			}
			if o.Name == "" {
				s, err := lab.Find("", "")
				if err != nil {
					return err
				}
				o.Name = s.Name
			}
			return g.labEnds(lab.Down(cmd.Context(), o))
		},
	}
}

func newLabList(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show the labs that are up, and their hosts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			labs, err := lab.List("")
			if err != nil {
				return err
			}
			if g.json {
				return g.labResult(false, labs...)
			}
			return printLabs(cmd.OutOrStdout(), labs)
		},
	}
}

func newLabSSH(g *globals, name *string) *cobra.Command {
	command := &cobra.Command{
		Use:   "ssh HOST [ARGUMENT...]",
		Short: "Log in to a host of a lab as root",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := g.noJSON("cannot log in with --json: what the host says is not lvsup's"); err != nil {
				return err
			}
			s, err := lab.Find("", *name)
			if err != nil {
				return err
			}
			path, err := exec.LookPath("ssh")
			if err != nil {
				return fmt.Errorf("cannot find OpenSSH: %w; install openssh-client", err)
			}
			argv := append([]string{"ssh", "-F", s.SSHConfig()}, args...)
			if err := syscall.Exec(path, argv, os.Environ()); err != nil {
				return fmt.Errorf("cannot start %s: %w", path, err)
			}
			return nil
		},
	}
	command.Flags().SetInterspersed(false)
	return command
}

func newLabExec(g *globals, name *string) *cobra.Command {
	command := &cobra.Command{
		Use:     "exec HOST -- COMMAND [ARGUMENT...]",
		Short:   "Run a command in a host of a lab as root",
		Long:    "Run a command in a host of a lab as root. Its words go to the host as they are, without a\nshell between them, and lvsup ends with its exit code.",
		Example: "  lvsup lab exec master -- ipvsadm -L -n\n  lvsup lab exec node1 -- sh -c 'cat /etc/network/interfaces.d/*'",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.noJSON("cannot run a command with --json: what it says is not lvsup's"); err != nil {
				return err
			}
			l, err := lab.Open("", *name)
			if err != nil {
				return err
			}
			defer func() { _ = l.Close() }()
			argv := args[1:]
			if argv[0] == "--" {
				argv = argv[1:]
			}
			if len(argv) == 0 {
				return fmt.Errorf("cannot run a command in %s: which one? As in: %s -- ipvsadm -L -n", args[0], cmd.CommandPath()+" "+args[0])
			}
			code, err := l.Exec(cmd.Context(), args[0], argv, os.Stdin, cmd.OutOrStdout(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if code != 0 {
				return &exitError{report.Code(code)}
			}
			return nil
		},
	}
	command.Flags().SetInterspersed(false)
	return command
}

func newLabPowerCycle(g *globals, name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "power-cycle HOST",
		Short: "Cut the power of a lab's host, and boot it again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			view := g.labView(cmd.ErrOrStderr())
			defer view.close()
			return g.labEnds(lab.PowerCycle(cmd.Context(), lab.Options{Name: *name, Events: view.event}, args[0]))
		},
	}
}

func newLabPowerOff(g *globals, name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "power-off HOST",
		Short: "Cut the power of a lab's host; power-cycle brings it back",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g.begin()
			return g.labEnds(lab.PowerOff(cmd.Context(), lab.Options{Name: *name}, args[0]))
		},
	}
}

func newLabSSHConfig(g *globals, name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "ssh-config",
		Short: "Print the path of a lab's ssh_config, for ssh -F and lvsup -F",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := lab.Find("", *name)
			if err != nil {
				return err
			}
			if g.json {
				return g.labResult(true, s)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), s.SSHConfig())
			return err
		},
	}
}

// newLabConnect makes the ProxyCommand of a lab's ssh_config.
func newLabConnect(name *string) *cobra.Command {
	var stateDir string
	command := &cobra.Command{
		Use:    "connect HOST PORT",
		Short:  "Join stdin and stdout to a connection inside a lab",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			signal.Reset() // there is nothing to put in order: whoever started it may end it at once
			return lab.Connect(stateDir, *name, args[0], args[1], os.Stdin, os.Stdout)
		},
	}
	command.Flags().StringVar(&stateDir, "state-dir", "", "where the lab keeps its state")
	return command
}

// Command lvsup-agent is what lvsup pushes to a host. It is started over SSH
// to serve one coordinator, and by systemd at boot to bring back what no file of
// the system's own keeps.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/agent"
	"github.com/lvsup/lvsup/internal/build"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/all"
	"github.com/lvsup/lvsup/internal/step/ipvs"
	"github.com/lvsup/lvsup/internal/step/mangle"
	"github.com/lvsup/lvsup/internal/step/tunnel"
)

const usage = `usage: lvsup-agent serve | guard | restore | version
  serve    answer a coordinator on stdin and stdout
  guard    take changes to the network back unless they are confirmed in time
  restore  bring tunnels, packet rules and virtual services back (run at boot)
  version  print the build
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lvsup-agent:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	// A coordinator that is gone must not kill the agent in the middle of a
	// change: writing to it fails, and the agent ends in its own time.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	h := host.Real()
	log := zerolog.New(os.Stderr).With().Timestamp().Logger()
	a := agent.New(h, agent.DefaultDirs(), build.Version(), all.Kinds(h), log)
	switch args[0] {
	case "serve":
		return a.Serve(ctx, os.Stdin, os.Stdout)
	case "guard":
		return a.Guard(ctx)
	case "restore":
		return restore(ctx, h)
	case "version":
		fmt.Println(build.Version())
		return nil
	}
	fmt.Fprint(os.Stderr, usage)
	os.Exit(2)
	return nil
}

// restore brings back all that can be: a part that fails does not keep the
// others from it. What carries packets comes before what sends them.
func restore(ctx context.Context, h host.Host) error {
	ctx = step.WithProgress(ctx, func(text string) { fmt.Fprintln(os.Stderr, "lvsup-agent:", text) })
	return errors.Join(tunnel.Restore(ctx, h), mangle.Restore(ctx, h), ipvs.Restore(ctx, h))
}

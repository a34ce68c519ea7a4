package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"

	"github.com/lvsup/lvsup/internal/fleet"
	"github.com/lvsup/lvsup/internal/relay"
)

// fleetSite is many hosts without kernels of their own, and a way to them that may be
// made longer. They are the real servers of a cluster.
type fleetSite struct {
	*fleet.Fleet
	relays []*relay.Relay // to the hosts that are up
}

func (f *fleetSite) up(ctx context.Context, s Series) error {
	f.hangUp()
	if err := f.Up(ctx, s.Hosts); err != nil || s.Trip == 0 {
		return err
	}
	at := func(a netip.Addr) string { return netip.AddrPortFrom(a, 22).String() }
	for _, h := range f.Hosts {
		r, err := relay.Start(at(h.Far()), at(h.Address()), s.Trip)
		if err != nil {
			return err
		}
		f.relays = append(f.relays, r)
	}
	return f.Find(fleet.Host.Far)
}

func (f *fleetSite) hangUp() {
	for _, r := range f.relays {
		_ = r.Close()
	}
	f.relays = nil
}

func (f *fleetSite) down() error {
	f.hangUp()
	return f.Down()
}

func (f *fleetSite) task() (task, error) {
	t := task{
		folder: "fleet", inventory: "[real_servers]\n",
		env:   []string{"LVSUP_VAR_hosts=" + strconv.Itoa(len(f.Hosts))},
		scope: []string{"--exclude", "master"},
	}
	for _, h := range f.Hosts {
		t.inventory += fmt.Sprintf("%s address=%s\n", h.Name, h.Data().Addr())
	}
	var err error
	t.plan, err = t.file("plan.hcl")
	return t, err
}

func (f *fleetSite) hosts() []string {
	names := make([]string, len(f.Hosts))
	for i, h := range f.Hosts {
		names[i] = h.Name
	}
	return names
}

func (f *fleetSite) sshConfig() string { return f.SSHConfig }

func (f *fleetSite) start(cmd *exec.Cmd) error { return cmd.Start() }

func (f *fleetSite) exec(ctx context.Context, host string, argv ...string) (string, error) {
	i := slices.IndexFunc(f.Hosts, func(h fleet.Host) bool { return h.Name == host })
	if i < 0 {
		return "", fmt.Errorf("cannot run %s in %s: there is no such host", argv[0], host)
	}
	return f.Exec(ctx, f.Hosts[i], argv...)
}

func (f *fleetSite) traffic() (int64, error) { return f.Traffic() }

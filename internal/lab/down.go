package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Down takes a lab down: its guests are cut off, and its processes, network,
// disks and state removed. The image stays for the next lab. Taking down what
// is not there is an error that wraps ErrNoLab; half a lab, or one whose state
// cannot be read, is cleared away.
func Down(ctx context.Context, o Options) error {
	if err := checkName(o.Name); err != nil {
		return err
	}
	unlock, err := lockLab(ctx, orDefault(o.StateDir), o.Name)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := load(orDefault(o.StateDir), o.Name)
	if errors.Is(err, ErrNoLab) && !o.leftovers() {
		_ = os.Remove(filepath.Join(orDefault(o.StateDir), o.Name+".lock"))
		return err
	}
	return events(o.Events).step("take down lab "+o.Name, func() error {
		if err != nil {
			return o.clear()
		}
		return s.remove(ctx)
	})
}

// leftovers reports whether there is anything of a lab whose state was never
// written: Up may have been killed before that.
func (o Options) leftovers() bool {
	paths := []string{netnsPath(netnsName(o.Name)), filepath.Join(orDefault(o.StateDir), o.Name)}
	if dir, err := (Image{Dir: o.CacheDir}).dir(); err == nil {
		paths = append(paths, diskDir(filepath.Join(dir, "image"), o.Name))
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
}

// remove ends and removes everything of a lab that is there.
func (s *State) remove(ctx context.Context) error {
	if err := killNetns(s.Netns); err != nil {
		return err
	}
	if _, err := os.Stat(netnsPath(s.Netns)); err == nil {
		if _, err := run(ctx, "", "ip", "netns", "delete", s.Netns); err != nil {
			return fmt.Errorf("cannot remove the network of lab %s: %w", s.Name, err)
		}
	}
	for _, path := range []string{s.DiskDir, s.dir, s.dir + ".lock"} {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("cannot remove the files of lab %s: %w", s.Name, err)
		}
	}
	return nil
}

// PowerCycle cuts a guest's power and switches it on again: what it had not
// written to its disk is lost. It returns when sshd answers again.
func PowerCycle(ctx context.Context, o Options, host string) error {
	return events(o.Events).step("power-cycle "+host, func() error {
		err := o.change(ctx, host, func(s *State, _ *Guest, p *Process) error {
			if err := p.kill(); err != nil {
				return err
			}
			return s.switchOn(p)
		})
		if err != nil {
			return err
		}
		return WaitForSSH(ctx, o, host) // others may change the lab meanwhile
	})
}

// PowerOff cuts a guest's power and leaves it off, until PowerCycle.
func PowerOff(ctx context.Context, o Options, host string) error {
	return o.change(ctx, host, func(_ *State, _ *Guest, p *Process) error { return p.kill() })
}

// WaitForSSH returns when a guest's sshd answers; after a reboot from inside,
// say. The deadline is the lab's, of 90 seconds, or the context's.
func WaitForSSH(ctx context.Context, o Options, host string) error {
	s, err := Find(o.StateDir, o.Name)
	if err != nil {
		return err
	}
	if _, ok := s.Topology.Guest(host); !ok {
		return fmt.Errorf("lab %s has no guest %s", s.Name, host)
	}
	return s.waitForSSH(ctx, host)
}

// Cable plugs a NIC of a running guest into another bridge of the lab; with ""
// it pulls the cable. The guest's carrier stays up, as with a switch in
// between.
func Cable(ctx context.Context, o Options, host, nic, bridge string) error {
	return o.change(ctx, host, func(s *State, g *Guest, _ *Process) error {
		n, ok := g.NIC(nic)
		if !ok {
			return fmt.Errorf("guest %s of lab %s has no interface %s", host, s.Name, nic)
		}
		args := []string{"-n", s.Netns, "link", "set", "dev", n.Tap, "nomaster"}
		if bridge != "" {
			args = append(args[:6], "master", bridge)
		}
		if _, err := run(ctx, "", "ip", args...); err != nil {
			return fmt.Errorf("cannot re-plug %s of %s: %w", nic, host, err)
		}
		return nil
	})
}

// change works on one guest of a lab while nobody else changes the lab.
func (o Options) change(ctx context.Context, host string, work func(*State, *Guest, *Process) error) error {
	s, err := Find(o.StateDir, o.Name)
	if err != nil {
		return err
	}
	unlock, err := lockLab(ctx, orDefault(o.StateDir), s.Name)
	if err != nil {
		return err
	}
	defer unlock()
	if s, err = load(orDefault(o.StateDir), s.Name); err != nil {
		return err // taken down meanwhile
	}
	g, ok := s.Topology.Guest(host)
	p, started := s.process(host)
	if !ok || !started {
		return fmt.Errorf("lab %s has no guest %s", s.Name, host)
	}
	return work(s, g, p)
}

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lvsup/lvsup/plans"
)

// Options says what lab to put up.
type Options struct {
	Cluster  *plans.Cluster
	Name     string      // the cluster's name if empty
	Inband   bool        // no management network; the plan's interfaces start on DHCP
	Stack    Stack       // what brings the guests' interfaces up; Ifupdown if empty
	StateDir string      // DefaultStateDir if empty
	CacheDir string      // DefaultCacheDir() if empty
	CPUs     []int       // to pin guests to, in turn; all allowed ones if empty
	Lvsup    string      // the lvsup that ssh_config calls; this program if empty
	Events   func(Event) // told of each step; may be nil
}

// bootTimeout bounds how long a guest may take until its sshd answers. Eight
// guests on two CPUs need ten seconds.
const bootTimeout = 90 * time.Second

// Up puts a lab up and returns when the sshd of every guest answers; the lab
// then stays, whatever becomes of the caller. If the lab is already up, Up
// returns it (already is true) after checking that it has the plan's hosts, and
// switches on those that are off. A lab of that name whose network or servers
// are gone, because the machine was restarted or somebody killed them, is
// cleared away first. If Up fails or is interrupted, it takes down what it
// started.
func Up(ctx context.Context, o Options) (s *State, already bool, err error) {
	if err := Requirements(); err != nil {
		return nil, false, err
	}
	if o.Name == "" {
		o.Name = o.Cluster.Name
	}
	if err := checkName(o.Name); err != nil {
		return nil, false, err
	}
	if o.Stack == "" {
		o.Stack = Ifupdown
	}
	if err := o.Stack.check(); err != nil {
		return nil, false, err
	}
	top, err := FromCluster(o.Cluster, o.Inband)
	if err != nil {
		return nil, false, err
	}
	unlock, err := lockLab(ctx, orDefault(o.StateDir), o.Name)
	if err != nil {
		return nil, false, err
	}
	defer unlock()

	s, err = load(orDefault(o.StateDir), o.Name)
	if err == nil && s.whole() {
		return s, true, o.reuse(ctx, s, top)
	}
	if err := o.clear(); err != nil {
		return nil, false, err
	}
	image, err := Image{Stack: o.Stack, Dir: o.CacheDir, Events: o.Events}.Ensure(ctx)
	if err != nil {
		return nil, false, err
	}
	s = &State{
		Version: stateVersion, Name: o.Name, Netns: netnsName(o.Name), Topology: top, Stack: o.Stack, Image: image,
		DiskDir: diskDir(image, o.Name), Started: time.Now().UTC(), dir: filepath.Join(orDefault(o.StateDir), o.Name),
	}
	if err := o.start(ctx, s); err != nil {
		err = fmt.Errorf("cannot put up lab %s: %w", o.Name, err)
		return nil, false, errors.Join(err, s.remove(context.WithoutCancel(ctx)))
	}
	return s, false, nil
}

// reuse accepts a lab that is up for a topology. It renews its ssh_config, since
// the lvsup that this names may have moved.
func (o Options) reuse(ctx context.Context, s *State, top Topology) error {
	if !slices.Equal(plugs(s.Topology), plugs(top)) {
		return fmt.Errorf("lab %s is up, but with other hosts or interfaces than the plan has now; lvsup lab down %s, then up again", s.Name, s.Name)
	}
	if s.Stack != o.Stack {
		return fmt.Errorf("lab %s is up with the network stack %s, not %s; lvsup lab down %s, then up again", s.Name, s.Stack, o.Stack, s.Name)
	}
	if err := o.writeSSHConfig(s); err != nil {
		return err
	}
	for i := range s.Processes {
		if p := &s.Processes[i]; p.Guest != "" && !p.Alive() {
			if err := s.switchOn(p); err != nil {
				return err
			}
		}
	}
	return s.waitForGuests(ctx, o.Events)
}

// switchOn boots a guest that is off, from the disk it had.
func (s *State) switchOn(p *Process) error {
	g, ok := s.Topology.Guest(p.Guest)
	if !ok {
		return fmt.Errorf("lab %s has no guest %s", s.Name, p.Guest)
	}
	started, err := startGuest(s.Netns, p.CPU, *g, s.paths(), s.Image)
	if err != nil {
		return err
	}
	*p = started
	return s.save()
}

// waitForGuests waits until every guest answers on SSH, or one fails to.
func (s *State) waitForGuests(ctx context.Context, e events) error {
	boots, ctx := errgroup.WithContext(ctx)
	for _, g := range s.Topology.Guests {
		boots.Go(func() error {
			return e.step("boot "+g.Name, func() error { return s.waitForSSH(ctx, g.Name) })
		})
	}
	return boots.Wait()
}

// plugs lists what cannot be changed in a running lab.
func plugs(t Topology) []string {
	var list []string
	for _, g := range t.Guests {
		for _, n := range g.NICs {
			list = append(list, g.Name+" "+n.Name+" "+n.Bridge)
		}
	}
	return list
}

// clear removes what is left of a lab that does not run, even if its state is
// gone or cannot be read.
func (o Options) clear() error {
	image := Image{Dir: o.CacheDir}
	dir, err := image.dir()
	if err != nil {
		return err
	}
	left := &State{
		Name: o.Name, Netns: netnsName(o.Name), DiskDir: diskDir(filepath.Join(dir, "image"), o.Name),
		dir: filepath.Join(orDefault(o.StateDir), o.Name),
	}
	return left.remove(context.Background())
}

// diskDir is where a lab's copy-on-write files are: beside the image.
func diskDir(image, lab string) string { return filepath.Join(filepath.Dir(image), "disks", lab) }

// start makes everything of a lab, in order.
func (o Options) start(ctx context.Context, s *State) error {
	e := events(o.Events)
	if err := o.writeFiles(s); err != nil {
		return err
	}
	if err := e.step("make the networks", func() error { return makeNetwork(ctx, s.Netns, s.Topology) }); err != nil {
		return err
	}
	if err := s.startServices(); err != nil {
		return err
	}
	cpus := o.CPUs
	if len(cpus) == 0 {
		var err error
		if cpus, err = allowedCPUs(); err != nil {
			return err
		}
	}
	for n, g := range s.Topology.Guests {
		p, err := startGuest(s.Netns, cpus[n%len(cpus)], g, s.paths(), s.Image)
		if err != nil {
			return err
		}
		s.Processes = append(s.Processes, p)
		if err := s.save(); err != nil {
			return err
		}
	}
	return s.waitForGuests(ctx, e)
}

func (s *State) startServices() error {
	ntp, err := startTimeServer(s.Netns, s.paths())
	if err != nil {
		return err
	}
	s.Processes = append(s.Processes, ntp)
	if s.Topology.Inband {
		dhcp, err := startDHCP(s.Netns, s.Topology, s.paths())
		if err != nil {
			return err
		}
		s.Processes = append(s.Processes, dhcp...)
	}
	return s.save()
}

// writeFiles fills the lab's state directory.
func (o Options) writeFiles(s *State) error {
	p := s.paths()
	for _, dir := range []string{p.state, p.umlDir(), p.disks} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	login, err := newKeyPair("lvsup lab " + s.Name)
	if err != nil {
		return err
	}
	hostKeys := map[string]string{}
	files := map[string][]byte{"id_ed25519": []byte(login.private), "id_ed25519.pub": []byte(login.public + "\n")}
	for _, g := range s.Topology.Guests {
		host, err := newKeyPair(g.Name)
		if err != nil {
			return err
		}
		hostKeys[g.Name] = host.public
		files[g.Name+".seed"] = seed(g, seedVars{stack: s.Stack, hostKey: host.private, authorized: login.public})
	}
	files["known_hosts"] = []byte(knownHosts(s.Topology, hostKeys))
	for name, content := range files {
		if err := os.WriteFile(p.file(name), content, 0o600); err != nil {
			return err
		}
	}
	if err := os.WriteFile(p.wrapper(), wrapper, 0o700); err != nil {
		return err
	}
	if err := o.writeSSHConfig(s); err != nil {
		return err
	}
	return s.save()
}

func (o Options) writeSSHConfig(s *State) error {
	lvsup := o.Lvsup
	if lvsup == "" {
		var err error
		if lvsup, err = os.Executable(); err != nil {
			return fmt.Errorf("cannot tell where lvsup is: %w", err)
		}
	}
	return os.WriteFile(s.SSHConfig(), []byte(sshConfig(s.Name, s.Topology, s.paths(), lvsup)), 0o600)
}

// waitForSSH waits until a guest's sshd says hello, and sets the guest's clock.
// Its error ends with what the guest printed last.
func (s *State) waitForSSH(ctx context.Context, guest string) error {
	g, _ := s.Topology.Guest(guest)
	process, _ := s.process(guest)
	deadline := time.Now().Add(bootTimeout)
	for {
		_, err := s.answersAt(ctx, g)
		switch {
		case err == nil:
			return s.setClock(ctx, guest)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !process.Alive():
			return fmt.Errorf("guest %s stopped while it booted; its console said last:\n%s", guest, s.consoleTail(guest))
		case time.Now().After(deadline):
			return fmt.Errorf("guest %s did not answer on SSH within %s (%w); its console said last:\n%s", guest, bootTimeout, err, s.consoleTail(guest))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// consoleTail is the end of a guest's console; if its kernel panicked, what led
// to that, without the stack that follows.
func (s *State) consoleTail(guest string) string {
	const lines = 15
	bytes, err := os.ReadFile(s.paths().console(guest))
	text := strings.ToValidUTF8(string(bytes), "?")
	if err != nil || strings.TrimSpace(text) == "" {
		return "(nothing)"
	}
	if at := strings.LastIndex(text, "Kernel panic"); at >= 0 {
		line, _, _ := strings.Cut(text[at:], "\n")
		text = text[:at] + line
	}
	return lastLines(text, lines)
}

// lockLab lets one caller at a time change a lab.
func lockLab(ctx context.Context, stateDir, name string) (unlock func(), err error) {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the directory for the state of labs: %w", err)
	}
	unlock, err = lockFile(ctx, filepath.Join(stateDir, name+".lock"))
	if err != nil {
		return nil, fmt.Errorf("cannot wait for another command that changes lab %s: %w", name, err)
	}
	return unlock, nil
}

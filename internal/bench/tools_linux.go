package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lvsup/lvsup/coordinator"
)

// ran is what a command said, and what it took.
type ran struct {
	sample
	said string
	code int
}

// run runs a command in the directory of the bench's files. An exit status is no
// error.
func (b *bench) run(ctx context.Context, argv ...string) (ran, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = b.options.Dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.options.Dir, "LANG=C.UTF-8", "NO_COLOR=1"}, b.task.env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begin := time.Now()
	err := b.site.start(cmd)
	memory := func() int64 { return 0 }
	if err == nil {
		if argv[0] == b.options.Lvsup { // to look takes time, which the others are not to lose
			memory = followMemory(cmd.Process.Pid)
		}
		err = cmd.Wait()
	}
	took, peak := time.Since(begin), memory()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ran{}, fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	return ran{
		sample: sample{wall: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory: peak},
		said:   said.String(), code: cmd.ProcessState.ExitCode(),
	}, nil
}

// measured runs a tool and adds what went over the wire.
func (b *bench) measured(f func() (sample, error)) (sample, error) {
	before, err := b.site.traffic()
	if err != nil {
		return sample{}, err
	}
	s, err := f()
	if err != nil {
		return sample{}, err
	}
	after, err := b.site.traffic()
	s.traffic = after - before
	return s, err
}

// lvsup runs lvsup and judges what it says.
func (b *bench) lvsup(ctx context.Context, name string) (sample, error) {
	argv, want := []string{"apply", "--yes"}, "Applied and verified"
	switch name {
	case noChange:
		want = "No changes"
	case drift:
		argv, want = []string{"drift"}, ""
	}
	r, err := b.runLvsup(ctx, argv...)
	if err == nil && (r.code != 0 || !strings.Contains(r.said, want)) {
		err = fmt.Errorf("lvsup, %s: exit status %d: %s", name, r.code, r.said)
	}
	return r.sample, err
}

func (b *bench) runLvsup(ctx context.Context, argv ...string) (ran, error) {
	return b.run(ctx, slices.Concat([]string{b.options.Lvsup, "-F", b.site.sshConfig()}, argv, b.task.scope, []string{"plan.hcl"})...)
}

// adopts holds that lvsup, too, finds all as it should be after Ansible.
func (b *bench) adopts(ctx context.Context) error {
	r, err := b.runLvsup(ctx, "plan", "--json")
	if err != nil {
		return err
	}
	more, err := beyondAdoption(r.said, b.task.own)
	if err == nil && r.code != 0 {
		err = fmt.Errorf("exit status %d: %s", r.code, r.said)
	}
	if err == nil && len(more) > 0 {
		err = fmt.Errorf("it would change %s", strings.Join(more, ", "))
	}
	if err != nil {
		return fmt.Errorf("lvsup plan, after Ansible: %w", err)
	}
	return nil
}

// ansible runs the playbook and judges its summary. Its connections are ended
// afterwards: lvsup, too, begins without any.
func (b *bench) ansible(ctx context.Context, name string) (sample, error) {
	argv := []string{"ansible-playbook", "playbook.yml"}
	if name == drift {
		argv = append(argv, "--check", "--diff")
	}
	r, err := b.run(ctx, argv...)
	if err != nil {
		return sample{}, err
	}
	changed, hosts, all := 0, 0, len(b.site.hosts())
	for _, m := range regexp.MustCompile(`(?m)ok=\d+ +changed=(\d+) +unreachable=0 +failed=0`).FindAllStringSubmatch(r.said, -1) {
		n, _ := strconv.Atoi(m[1])
		changed, hosts = changed+n, hosts+1
	}
	wants := map[string]bool{firstApply: changed >= 5*all, oneChange: changed == 1, settling: changed == b.task.theirs, noChange: changed == 0, drift: changed == 0}
	if r.code != 0 || hosts != all || !wants[name] {
		return sample{}, fmt.Errorf("ansible-playbook, %s: exit status %d, %d changes on %d hosts: %s", name, r.code, changed, hosts, r.said)
	}
	return r.sample, b.closeMasters(ctx)
}

// closeMasters ends the connections that ControlPersist keeps.
func (b *bench) closeMasters(ctx context.Context) error {
	sockets, err := filepath.Glob(filepath.Join(b.options.Dir, "cp", "*"))
	if err != nil {
		return err
	}
	for _, s := range sockets {
		if _, err := b.run(ctx, "ssh", "-F", "none", "-o", "ControlPath="+s, "-O", "exit", "any"); err != nil {
			return err
		}
	}
	return nil
}

// openSSH logs in everywhere, as many at once as lvsup does.
func (b *bench) openSSH(ctx context.Context, options ...string) (sample, error) {
	argv := append([]string{"ssh", "-F", b.site.sshConfig()}, options...)
	var total sample
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(coordinator.DefaultParallel)
	begin := time.Now()
	for _, host := range b.site.hosts() {
		g.Go(func() error {
			r, err := b.run(ctx, slices.Concat(argv, []string{host, "true"})...)
			if err == nil && r.code != 0 {
				err = fmt.Errorf("ssh %s true: exit status %d: %s", host, r.code, r.said)
			}
			mu.Lock()
			defer mu.Unlock()
			total.cpu += r.cpu
			return err
		})
	}
	err := g.Wait()
	total.wall = time.Since(begin)
	return total, err
}

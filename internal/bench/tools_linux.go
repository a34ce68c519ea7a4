package bench

import (
	"bytes"
	"context"
	"embed"
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
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lvsup/lvsup/coordinator"
)

//go:embed task
var task embed.FS

// ansibleConfig is Ansible tuned: all hosts at once, no facts, modules over the
// connection's stdin, and one connection a host for a whole run.
const ansibleConfig = `[defaults]
inventory = inventory
forks = %d
gathering = explicit
host_key_checking = True
retry_files_enabled = False
local_tmp = %s
nocows = True

[ssh_connection]
pipelining = True
ssh_args = -F %s -o ControlMaster=auto -o ControlPersist=60s
control_path_dir = %s
`

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
	cmd.Dir = b.fleet.Dir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.fleet.Dir(), "LANG=C.UTF-8", "NO_COLOR=1",
		"LVSUP_VAR_hosts=" + strconv.Itoa(len(b.fleet.Hosts))}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ran{}, fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
	used := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return ran{
		sample: sample{wall: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory: used.Maxrss << 10},
		said:   said.String(), code: cmd.ProcessState.ExitCode(),
	}, nil
}

// measured runs a tool and adds what went over the wire.
func (b *bench) measured(f func() (sample, error)) (sample, error) {
	before, err := b.fleet.Traffic()
	if err != nil {
		return sample{}, err
	}
	s, err := f()
	if err != nil {
		return sample{}, err
	}
	after, err := b.fleet.Traffic()
	s.traffic = after - before
	return s, err
}

// lvsup runs lvsup and judges what it says.
func (b *bench) lvsup(ctx context.Context, name string) (sample, error) {
	argv := []string{b.options.Lvsup, "-F", b.fleet.SSHConfig, "apply", "--yes", "--exclude", "master", "plan.hcl"}
	want := "Applied and verified"
	switch name {
	case noChange:
		want = "No changes"
	case drift:
		argv = []string{b.options.Lvsup, "-F", b.fleet.SSHConfig, "drift", "--exclude", "master", "plan.hcl"}
		want = ""
	}
	r, err := b.run(ctx, argv...)
	if err == nil && (r.code != 0 || !strings.Contains(r.said, want)) {
		err = fmt.Errorf("lvsup, %s: exit status %d: %s", name, r.code, r.said)
	}
	return r.sample, err
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
	changed, hosts := 0, 0
	for _, m := range regexp.MustCompile(`(?m)ok=\d+ +changed=(\d+) +unreachable=0 +failed=0`).FindAllStringSubmatch(r.said, -1) {
		n, _ := strconv.Atoi(m[1])
		changed, hosts = changed+n, hosts+1
	}
	wants := map[string]bool{firstApply: changed >= 5*len(b.fleet.Hosts), oneChange: changed == 1, noChange: changed == 0, drift: changed == 0}
	if r.code != 0 || hosts != len(b.fleet.Hosts) || !wants[name] {
		return sample{}, fmt.Errorf("ansible-playbook, %s: exit status %d, %d changes on %d hosts: %s", name, r.code, changed, hosts, r.said)
	}
	return r.sample, b.closeMasters(ctx)
}

// closeMasters ends the connections that ControlPersist keeps.
func (b *bench) closeMasters(ctx context.Context) error {
	sockets, err := filepath.Glob(filepath.Join(b.fleet.Dir(), "cp", "*"))
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
	argv := append([]string{"ssh", "-F", b.fleet.SSHConfig}, options...)
	var total sample
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(coordinator.DefaultParallel)
	begin := time.Now()
	for _, h := range b.fleet.Hosts {
		g.Go(func() error {
			r, err := b.run(ctx, slices.Concat(argv, []string{h.Name, "true"})...)
			if err == nil && r.code != 0 {
				err = fmt.Errorf("ssh %s true: exit status %d: %s", h.Name, r.code, r.said)
			}
			mu.Lock()
			defer mu.Unlock()
			total.cpu += r.cpu
			total.memory = max(total.memory, r.memory)
			return err
		})
	}
	err := g.Wait()
	total.wall = time.Since(begin)
	return total, err
}

// prepare writes the files of the tools, for the hosts that are up.
func (b *bench) prepare() error {
	dir := b.fleet.Dir()
	inventory := "[real_servers]\n"
	for _, h := range b.fleet.Hosts {
		inventory += fmt.Sprintf("%s address=%s\n", h.Name, h.Data().Addr())
	}
	inventory += "\n[real_servers:vars]\nansible_python_interpreter=/usr/bin/python3\nmax_offset=" + b.maxOffset() + "\n"
	files := map[string]string{
		"inventory":   inventory,
		"ansible.cfg": fmt.Sprintf(ansibleConfig, len(b.fleet.Hosts), filepath.Join(dir, "local"), b.fleet.SSHConfig, filepath.Join(dir, "cp")),
	}
	for _, name := range []string{"plan.hcl", "playbook.yml"} {
		text, err := task.ReadFile("task/" + name)
		if err != nil {
			return err
		}
		files[name] = string(text)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// maxOffset is what the playbook accepts of a clock, in seconds. It cannot tell the
// offset from the time that its question takes, which grows with the hosts.
func (b *bench) maxOffset() string { return strconv.Itoa(10 + len(b.fleet.Hosts)) }

package bench

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// site is hosts that are up, and the way to them.
type site interface {
	// up puts fresh hosts in the place of those that there were.
	up(ctx context.Context, s Series) error
	down() error
	// task is what the tools are to do with the hosts that are up.
	task() (task, error)
	hosts() []string
	// sshConfig is the path of an ssh_config by which the hosts are reached.
	sshConfig() string
	// start starts a tool where the hosts can be reached.
	start(*exec.Cmd) error
	// exec runs a command in a host and gives what it prints. It is never measured.
	exec(ctx context.Context, host string, argv ...string) (string, error)
	// traffic is how many bytes went between the coordinator and the hosts so far.
	traffic() (int64, error)
}

// task is what is to be done on a site, as each tool wants to be told. Its files are
// beside this one, in task/FOLDER: playbook.yml, and state.sh, which prints what of a
// host is compared.
type task struct {
	folder    string
	plan      []byte
	inventory string
	env       []string // lvsup's
	scope     []string // lvsup's arguments that say what of the plan is measured
	// witness, if there is one, is a host that is not of the plan; witness.sh asks
	// there what the cluster does.
	witness string
	// own are what lvsup has to itself. Ansible's user has something else for that, in
	// so many tasks of the playbook.
	own    []string
	theirs int
}

//go:embed task
var folders embed.FS

func (t task) file(name string) ([]byte, error) {
	return folders.ReadFile("task/" + t.folder + "/" + name)
}

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

// up brings the hosts of a series up, and writes the files of the tools for them.
func (b *bench) up(ctx context.Context, s Series) error {
	if err := b.site.up(ctx, s); err != nil {
		return err
	}
	var err error
	if b.task, err = b.site.task(); err != nil {
		return err
	}
	playbook, err := b.task.file("playbook.yml")
	if err != nil {
		return err
	}
	dir, hosts := b.options.Dir, len(b.site.hosts())
	files := map[string]string{
		"inventory":    b.task.inventory + fmt.Sprintf("\n[all:vars]\nansible_python_interpreter=/usr/bin/python3\nmax_offset=%d\n", maxOffset(hosts)),
		"ansible.cfg":  fmt.Sprintf(ansibleConfig, hosts, filepath.Join(dir, "local"), b.site.sshConfig(), filepath.Join(dir, "cp")),
		"plan.hcl":     string(b.task.plan),
		"playbook.yml": string(playbook),
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
func maxOffset(hosts int) int { return 10 + hosts }

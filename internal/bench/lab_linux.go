package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/lab"
	"github.com/lvsup/lvsup/internal/step/boot"
	"github.com/lvsup/lvsup/internal/step/ipvs"
	"github.com/lvsup/lvsup/plans"
	"github.com/lvsup/lvsup/plans/examples"
)

// labSite is the cluster of the example dr in the lab, and its client.
type labSite struct {
	dir     string // for the files of the lab
	lvsup   string
	plan    []byte
	cluster *plans.Cluster
	*lab.Lab
}

// labName is what the lab is called. Only one benchmark runs at a time.
const labName = "lvsup-bench"

func newLabSite(dir, lvsup string) (*labSite, error) {
	plan, err := examples.Text("dr")
	if err != nil {
		return nil, err
	}
	cluster, diagnostics := hcl.Parse("dr.hcl", plan, hcl.Options{})
	if cluster == nil {
		return nil, fmt.Errorf("cannot read the example dr: %v", diagnostics)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &labSite{dir: dir, lvsup: lvsup, plan: plan, cluster: cluster}, nil
}

func (l *labSite) options() lab.Options {
	return lab.Options{Cluster: l.cluster, Name: labName, StateDir: l.dir, Lvsup: l.lvsup}
}

func (l *labSite) up(ctx context.Context, _ Series) error {
	if err := l.down(); err != nil {
		return err
	}
	s, _, err := lab.Up(ctx, l.options())
	if err != nil {
		return err
	}
	if l.Lab, err = lab.Open(l.dir, labName); err != nil {
		return err
	}
	config, err := os.ReadFile(s.SSHConfig())
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.sshConfig(), []byte(direct(string(config))), 0o600); err != nil {
		return err
	}
	return l.givePython(ctx)
}

// direct makes of a lab's ssh_config one for tools that run in the lab's network: the
// ProxyCommand would cost all of them a process a host. Nor is lvsup to ask the client
// for the service, as nobody else does.
func direct(config string) string {
	var b strings.Builder
	for line := range strings.Lines(config) {
		if word := strings.TrimSpace(line); !strings.HasPrefix(word, "ProxyCommand ") && !strings.HasPrefix(word, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (l *labSite) down() error {
	if l.Lab != nil {
		_ = l.Close()
		l.Lab = nil
	}
	err := lab.Down(context.Background(), l.options())
	if errors.Is(err, lab.ErrNoLab) {
		return nil
	}
	return err
}

func (l *labSite) task() (task, error) {
	t := task{
		folder: "lab", plan: l.plan, witness: l.State().Topology.Client,
		own:    []string{boot.UnitFile, boot.LinkFile, ipvs.RulesFile},
		theirs: 3, // ipvsadm's rules, its setting and its service
	}
	inventory, err := t.file("inventory")
	t.inventory = string(inventory)
	return t, err
}

func (l *labSite) hosts() []string {
	var names []string
	for _, h := range l.cluster.Hosts {
		names = append(names, h.Name)
	}
	return names
}

func (l *labSite) sshConfig() string { return filepath.Join(l.dir, "direct_ssh_config") }

func (l *labSite) start(cmd *exec.Cmd) error { return l.State().Start(cmd) }

func (l *labSite) exec(ctx context.Context, host string, argv ...string) (string, error) {
	return l.Output(ctx, host, argv...)
}

// traffic reads the counters of the bridge that SSH comes in by.
func (l *labSite) traffic() (int64, error) {
	out, err := exec.Command("ip", "-n", l.State().Netns, "-json", "-statistics", "link", "show", "dev", lab.MgmtNIC).Output()
	if err != nil {
		return 0, fmt.Errorf("cannot read the counters of the lab's network: %w", err)
	}
	var links []struct {
		Stats struct {
			Rx, Tx struct{ Bytes int64 }
		} `json:"stats64"`
	}
	if err := json.Unmarshal(out, &links); err != nil || len(links) != 1 {
		return 0, fmt.Errorf("cannot read the counters of the lab's network: %q", out)
	}
	return links[0].Stats.Rx.Bytes + links[0].Stats.Tx.Bytes, nil
}

// givePython gives the hosts what Ansible runs on. The image has no Python, and does
// without; the guests are of the same release as this machine, and so get its own.
func (l *labSite) givePython(ctx context.Context) error {
	const name = "python.tar"
	pack := `cd / && exec tar -cf "$0" --exclude='config-3*' --exclude=test --exclude=lib2to3 --exclude=pydoc_data ` +
		`usr/bin/python3 usr/bin/python3.[0-9]* usr/lib/python3.[0-9]* usr/lib/*-linux-gnu/libexpat.so.1* usr/lib/*-linux-gnu/libffi.so.8*`
	if _, err := os.Stat(filepath.Join(l.dir, name)); err != nil {
		if out, err := exec.CommandContext(ctx, "sh", "-c", pack, filepath.Join(l.dir, name)).CombinedOutput(); err != nil {
			return fmt.Errorf("cannot pack this machine's Python: %w: %s", err, out)
		}
	}
	// A guest's kernel is a process of this machine and can mount its directories.
	unpack := `mount -t hostfs -o "$0" none /mnt && tar -C / -xf /mnt/` + name + ` && umount /mnt && python3 -c 'import ctypes, json, ssl'`
	var g errgroup.Group
	for _, host := range l.hosts() {
		g.Go(func() error {
			_, err := l.exec(ctx, host, "sh", "-c", unpack, l.dir)
			return err
		})
	}
	return g.Wait()
}

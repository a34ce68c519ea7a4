package lastrun

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/plans"
)

func cluster(names ...string) *plans.Cluster {
	c := &plans.Cluster{Name: "web"}
	for _, n := range names {
		role := plans.RoleRealServer
		if strings.HasPrefix(n, "master") {
			role = plans.RoleDirector
		}
		c.Hosts = append(c.Hosts, plans.Host{Name: n, Role: role})
	}
	return c
}

func opened(t *testing.T, c *plans.Cluster, command, shard string) *Record {
	t.Helper()
	r, err := Open("plan.hcl", c, command, shard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatIsDoneIsRemembered(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	now := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	c := cluster("master", "node1", "node2", "node3")
	all := []string{"master", "node1", "node2", "node3"}
	r := opened(t, c, "apply", "")
	if out := r.LeaveOut(c); len(out) > 0 || r.Whole {
		t.Errorf("without a run %v are left out", out)
	}
	r.Note(all, []string{"master", "node1", "node3"}, all, now)
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	r = opened(t, c, "apply", "")
	if out := r.LeaveOut(c); !slices.Equal(out, []string{"node1", "node3"}) || r.Whole {
		t.Errorf("%v are left out", out)
	}
	// The next one is about the rest, and has a failure again.
	r.Note([]string{"master", "node2"}, []string{"master"}, all, now)
	if out := r.LeaveOut(c); !slices.Equal(out, []string{"node1", "node3"}) || r.Whole {
		t.Errorf("%v are left out", out)
	}
	r.Note([]string{"master", "node2"}, []string{"master", "node2"}, all, now)
	if !r.Whole {
		t.Errorf("only %v are done", r.Done)
	}
	// One about all of them, in which the director fails.
	r.Note(all, []string{"node1", "node2", "node3"}, all, now)
	if out := r.LeaveOut(c); len(out) > 0 || r.Whole {
		t.Errorf("%v are left out of a cluster without its director", out)
	}
	for name, other := range map[string]*Record{
		"another command": opened(t, c, "destroy", ""),
		"another shard":   opened(t, c, "apply", "1/2"),
		"another plan":    opened(t, cluster("master", "node1", "node2", "node3", "node4"), "apply", ""),
	} {
		if len(other.Done) > 0 {
			t.Errorf("%s has %v done", name, other.Done)
		}
	}
}

func TestADamagedRecordIsNamed(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	c := cluster("a")
	r := opened(t, c, "apply", "")
	if err := r.Save(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("plan.hcl", c, "apply", ""); err == nil || !strings.Contains(err.Error(), "remove "+r.file) {
		t.Errorf("got %v", err)
	}
}

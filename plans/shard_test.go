package plans

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestParseShard(t *testing.T) {
	for _, text := range []string{"1/1", "1/8", "8/8", "37/100000"} {
		if s, err := ParseShard(text); err != nil || s.String() != text {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "0/8", "9/8", "-1/8", "1", "1/", "/8", "a/b", "1/8/2", "1/100001", " 1/8"} {
		if s, err := ParseShard(text); err == nil {
			t.Errorf("%q was taken for %v", text, s)
		}
	}
	if (Shard{}).String() != "" {
		t.Error("no shard has a name")
	}
}

// The shards of these names must never change: machines with another build may have
// the others.
func TestShardsStayWhereTheyAre(t *testing.T) {
	for name, want := range map[string][]int{"node1": {1, 2, 2, 2, 2}, "node2": {1, 1, 1, 7, 30}, "web": {1, 2, 2, 2, 58}, "": {1, 2, 3, 6, 23}} {
		var got []int
		for _, of := range []int{1, 2, 3, 8, 64} {
			got = append(got, shardOf(name, of))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is in %v of 1, 2, 3, 8 and 64, and was in %v", name, got, want)
		}
	}
}

// The values that other implementations of the jump hash are held to.
func TestJump(t *testing.T) {
	for _, v := range []struct {
		key     uint64
		n, want int
	}{{1, 1, 0}, {42, 57, 43}, {0xDEAD10CC, 1, 0}, {0xDEAD10CC, 666, 361}, {256, 1024, 520}} {
		if got := jump(v.key, v.n); got != v.want {
			t.Errorf("%d of %d: %d, want %d", v.key, v.n, got, v.want)
		}
	}
}

// Each host is in one shard, whatever others there are; of one more shard only its
// own share moves.
func TestEachHostIsInOneShard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "shards")
		c := narrowed(rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,8}[0-9]{0,3}`), 1, 20).Draw(t, "hosts")...)
		for _, h := range c.Hosts {
			var in []int
			for i := 1; i <= n; i++ {
				if (Shard{i, n}).Of(c)(h.Name) {
					in = append(in, i)
				}
			}
			if len(in) != 1 {
				t.Fatalf("%s is in the shards %v of %d", h.Name, in, n)
			}
			if after := shardOf(h.Name, n+1); after != in[0] && after != n+1 {
				t.Fatalf("%s moves from %d to %d when shard %d comes", h.Name, in[0], after, n+1)
			}
		}
	})
}

func TestShardsAreEven(t *testing.T) {
	const hosts, shards = 100_000, 100
	count := make([]int, shards+1)
	for i := range hosts {
		count[shardOf(fmt.Sprintf("node%05d", i), shards)]++
	}
	for i, n := range count[1:] {
		if n < 850 || n > 1150 {
			t.Errorf("shard %d has %d of %d hosts", i+1, n, hosts)
		}
	}
}

// A cluster with a director is never split.
func TestAClusterStaysTogether(t *testing.T) {
	c := narrowed("master", "node1", "node2", "node3", "node4", "node5")
	c.Name = "web"
	c.Hosts[0].Role = RoleDirector
	whole := 0
	for i := 1; i <= 4; i++ {
		switch out := (Narrowing{Shard: Shard{i, 4}}).Of(c); len(out.Hosts) {
		case 0:
			whole++
		case len(c.Hosts):
		default:
			t.Errorf("shard %d/4 leaves out %v", i, out.Hosts)
		}
	}
	if whole != 1 {
		t.Errorf("%d shards have the cluster", whole)
	}
}

func TestFingerprint(t *testing.T) {
	plan := func(edit func(*Cluster)) []*Cluster {
		c := narrowed("master", "node1")
		c.Hosts[1].Sysctls = map[string]string{"kernel.a": "1", "kernel.b": "s3cret"}
		c.Hosts[1].Sensitive = Sensitive{"sysctl.kernel.b": true}
		edit(c)
		return []*Cluster{c}
	}
	of := func(secrets bool, edit func(*Cluster)) string {
		f, err := Fingerprint(plan(edit), secrets)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	same := func(*Cluster) {}
	moved := func(c *Cluster) { c.Hosts[0].Source = Source{"": Range{File: "/elsewhere/plan.hcl"}} }
	secret := func(c *Cluster) { c.Hosts[1].Sysctls["kernel.b"] = "another" }
	open := func(c *Cluster) { c.Hosts[1].Sysctls["kernel.a"] = "2" }
	for _, secrets := range []bool{true, false} {
		if of(secrets, same) != of(secrets, moved) {
			t.Error("a plan in another folder is another")
		}
		if of(secrets, same) == of(secrets, open) {
			t.Error("another value makes no other plan")
		}
		if (of(secrets, same) == of(secrets, secret)) == secrets {
			t.Errorf("with secrets %v, a secret makes the wrong difference", secrets)
		}
	}
	if all := plan(same); all[0].Hosts[1].Sysctls["kernel.b"] != "s3cret" {
		t.Error("the plan itself lost its secret")
	}
}

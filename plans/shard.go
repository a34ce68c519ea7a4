package plans

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Shard is the share of one of several coordinators in a fleet: number Index, from
// 1, of N. The zero value is all of it.
//
// What traffic holds together stays together: a cluster with a director is in one
// shard as a whole, chosen by its name. The hosts of a cluster without one are chosen
// by their own names. So no host's shard depends on what others there are, and of
// one more shard only its own share moves there.
type Shard struct{ Index, N int }

// MaxShards bounds how many shards there may be: more are a mistake.
const MaxShards = 100_000

// ParseShard reads "2/8".
func ParseShard(text string) (Shard, error) {
	index, of, _ := strings.Cut(text, "/")
	i, err := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if err != nil || err2 != nil || i < 1 || i > n || n > MaxShards {
		return Shard{}, fmt.Errorf("write which shard of how many, from 1/8 to 8/8")
	}
	return Shard{i, n}, nil
}

// String is what ParseShard reads; empty for the whole fleet.
func (s Shard) String() string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.N)
}

// Of gives what reports whether a host of a cluster is in the shard.
func (s Shard) Of(c *Cluster) func(host string) bool {
	switch {
	case s.N == 0:
		return func(string) bool { return true }
	case slices.ContainsFunc(c.Hosts, func(h Host) bool { return h.Role == RoleDirector }):
		in := shardOf(c.Name, s.N) == s.Index
		return func(string) bool { return in }
	}
	return func(host string) bool { return shardOf(host, s.N) == s.Index }
}

// shardOf is the shard of a name, of n, from 1: where the first eight bytes of its
// SHA-256 jump to.
func shardOf(name string, n int) int {
	sum := sha256.Sum256([]byte(name))
	return jump(binary.BigEndian.Uint64(sum[:]), n) + 1
}

// jump is the jump consistent hash (Lamping and Veach, arXiv:1406.2294): a bucket of
// n, from 0.
func jump(key uint64, n int) int {
	last, next := int64(-1), int64(0)
	for next < int64(n) {
		last = next
		key = key*2862933555777941757 + 1
		next = int64(float64(last+1) * (float64(1<<31) / float64(key>>33+1)))
	}
	return int(last)
}

// Fingerprint is the same for clusters of which the same is wanted, wherever their
// files are: a SHA-256 in hexadecimal. Without secrets it says nothing of sensitive
// values, and may be shown.
func Fingerprint(all []*Cluster, secrets bool) (string, error) {
	sum := sha256.New()
	add := func(value any) error {
		text, err := json.Marshal(value)
		var tree any
		if err == nil {
			err = json.Unmarshal(text, &tree)
		}
		if err == nil {
			dropSources(tree)
			text, err = json.Marshal(tree) // its keys are sorted
		}
		if err != nil {
			return fmt.Errorf("cannot tell the plan from others: %w", err)
		}
		sum.Write(append(text, '\n'))
		return nil
	}
	for _, c := range all {
		rest := *c
		rest.Hosts = nil
		if err := add(rest); err != nil {
			return "", err
		}
		for _, h := range c.Hosts { // one by one: there may be many
			if !secrets {
				h = withoutSecrets(h)
			}
			if err := add(h); err != nil {
				return "", err
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// dropSources takes out where the plan says something.
func dropSources(tree any) {
	switch t := tree.(type) {
	case map[string]any:
		delete(t, "Source")
		for _, below := range t {
			dropSources(below)
		}
	case []any:
		for _, below := range t {
			dropSources(below)
		}
	}
}

// withoutSecrets is the host without its sensitive values.
func withoutSecrets(h Host) Host {
	conceal := func(values map[string]string, s Sensitive, prefix string) map[string]string {
		out := maps.Clone(values)
		for key, value := range out {
			out[key] = s.shown(prefix+key, value)
		}
		return out
	}
	h.Sysctls = conceal(h.Sysctls, h.Sensitive, "sysctl.")
	h.Interfaces = slices.Clone(h.Interfaces)
	for i, iface := range h.Interfaces {
		h.Interfaces[i].Ifcfg = conceal(iface.Ifcfg, iface.Sensitive, "ifcfg.")
	}
	if h.HTTPD != nil {
		page := *h.HTTPD
		page.Index = page.Sensitive.shown("index", page.Index)
		h.HTTPD = &page
	}
	return h
}

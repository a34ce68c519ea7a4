package coordinator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/sshconn"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// fleet is a director and so many real servers, each of which has something to make.
func fleet(n int) (*plans.Cluster, fakeDialer, *eventLog) {
	c, hosts, log := threeHosts()
	c.Hosts, c.Services[0].Backends = c.Hosts[:1], nil
	delete(hosts, "a")
	delete(hosts, "b")
	hosts["director"].changes["ipvs"] = nil
	for i := range n {
		name, rip := fmt.Sprintf("node%02d", i+1), netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)})
		c.Hosts = append(c.Hosts, plans.Host{Name: name, Role: plans.RoleRealServer})
		c.Services[0].Backends = append(c.Services[0].Backends, plans.Backend{Host: name, Address: rip, Port: 80, Weight: 1, Forwarding: plans.ForwardNAT})
		h := &fakeHost{name: name, log: log, changes: map[string][]step.Change{}, fail: map[string]string{}, facts: hosts["director"].facts}
		h.facts.BootID = name
		h.makes("sysctl", "vip", "httpd")
		hosts[name] = h
		hosts["director"].changes["ipvs"] = append(hosts["director"].changes["ipvs"],
			step.Change{Action: step.Create, ID: step.ID{Key: "TCP 192.0.2.1:80 -> " + netip.AddrPortFrom(rip, 80).String()}, To: "nat weight 1"})
	}
	return c, hosts, log
}

// troubles has one host in twenty of six sorts fail, at random, and gives which.
func troubles(hosts fakeDialer, rnd *rand.Rand) map[string][]string {
	var names []string
	for name := range hosts {
		if name != "director" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	rnd.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	sorts := map[string]func(*fakeHost){
		"unreachable": func(h *fakeHost) {
			h.refuse = &sshconn.UnreachableError{Host: h.name, Endpoint: "root@203.0.113." + strings.TrimLeft(h.name[4:], "0") + ":22", Cause: errors.New("no route to host")}
		},
		"wrong key": func(h *fakeHost) {
			sum := sha256.Sum256([]byte(h.name))
			print := "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
			h.refuse = &sshconn.HostKeyError{
				Host: h.name, Endpoint: "root@203.0.113." + strings.TrimLeft(h.name[4:], "0") + ":22", Changed: true,
				Reason: "the host key changed: the host shows ssh-ed25519 " + print + ", on record is ssh-ed25519 " + print + " (/root/.ssh/known_hosts:" + h.name[4:] + ")",
				Hint:   "someone may be listening in; if the host was installed anew, remove the old key with \"ssh-keygen -f /root/.ssh/known_hosts -R " + h.name + "\"",
			}
		},
		"full":         func(h *fakeHost) { h.facts.FreeBytes = 1 << 20 },
		"fills up":     func(h *fakeHost) { h.fail["vip"] = "cannot write /etc/rc.local: no space left on device" },
		"slow":         func(h *fakeHost) { h.silent = wire.OpObserve },
		"stands still": func(h *fakeHost) { h.silent = wire.OpApply },
	}
	chosen := map[string][]string{}
	for _, sort := range slices.Sorted(maps.Keys(sorts)) {
		const n = 4 // one in twenty; of few the report names each by itself
		for _, name := range names[:n] {
			sorts[sort](hosts[name])
		}
		chosen[sort] = slices.Sorted(slices.Values(names[:n]))
		names = names[n:]
	}
	return chosen
}

// carriedOut plans and applies as lvsup apply --on-unreachable skip does.
func carriedOut(t *testing.T, c *plans.Cluster, hosts Dialer, out plans.LeftOut, limit MaxFail) (*Run, *plans.Plan, error) {
	t.Helper()
	ctx := context.Background()
	r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test", SkipUnreachable: true, MaxFail: limit, LeftOut: out})
	t.Cleanup(r.Close)
	if err := r.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := r.Plan(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	return r, p, r.Apply(ctx, p)
}

// Of eighty hosts one in twenty is out of reach, another has another key, is full,
// fills up or hangs, at a question or at its changes. The others are done, the report names each by its cause, and the
// next run is about those and no others.
func TestTroublesOfAFleet(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { troubled(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func troubled(t *testing.T, rnd *rand.Rand) {
	c, hosts, log := fleet(80)
	chosen := troubles(hosts, rnd)
	begin := time.Now()
	r, p, err := carriedOut(t, c, hosts, plans.LeftOut{}, MaxFail{})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > askTimeout+wire.Silence+time.Second {
		t.Errorf("hosts that hang cost %s, and not their own deadline alone", took)
	}
	var bad []string
	for _, names := range chosen {
		bad = append(bad, names...)
	}
	slices.Sort(bad)
	var failed []string
	for _, f := range r.Failures() {
		failed = append(failed, f.Host)
	}
	if !slices.Equal(failed, bad) {
		t.Errorf("failed are %q, want %q", failed, bad)
	}
	for name := range hosts {
		if did := slices.Contains(log.told, "make httpd "+name); name != "director" && did == slices.Contains(bad, name) {
			t.Errorf("%s: done %v", name, did)
		}
	}
	position(t, log.told, "make ipvs director")

	var text bytes.Buffer
	(&view.Human{Err: &text}).Failures(r.Failures())
	if n := strings.Count(text.String(), "Error: "); n != len(chosen) {
		t.Errorf("%d causes are told, want %d:\n%s", n, len(chosen), text.String())
	}
	for sort, says := range map[string]string{
		"unreachable": "no route to host", "wrong key": "the host key changed", "full": "no space left: 1024 KiB are free",
		"fills up": "vip: cannot write /etc/rc.local: no space left on device", "slow": "no answer within 1m0s", "stands still": "sysctl: gave up waiting for the agent's answer to apply: no sign of life for 1m0s",
	} {
		if !groupedUnder(text.String(), says, chosen[sort]) {
			t.Errorf("%q are not named under %q:\n%s", chosen[sort], says, text.String())
		}
	}

	// What is left is just that, and once it is mended all of it is done.
	done := r.Finished(p, true)
	r.Close()
	for _, name := range bad {
		hosts[name].refuse, hosts[name].silent, hosts[name].facts.FreeBytes = nil, "", 1<<30
		delete(hosts[name].fail, "vip")
	}
	rest := plans.LeftOut{Hosts: slices.DeleteFunc(done, func(name string) bool { return name == "director" })}
	log.told = nil
	r, p, err = carriedOut(t, c, hosts, rest, MaxFail{})
	if err != nil || len(r.Failures()) > 0 || !slices.Equal(r.Finished(p, true), append([]string{"director"}, bad...)) {
		t.Errorf("%v, %v, finished %q", err, r.Failures(), r.Finished(p, true))
	}
	for _, name := range rest.Hosts {
		if slices.Contains(log.told, "lock "+name) {
			t.Errorf("%s was worked on again", name)
		}
	}
	r.Close()
}

// groupedUnder reports whether all hosts are named in the entry that says so.
func groupedUnder(text, says string, hosts []string) bool {
	for _, entry := range strings.Split(text, "Error: ") {
		if strings.Contains(entry, says) {
			return strings.Contains(entry, report.HostList(hosts))
		}
	}
	return false
}

// The limit ends the run before the first change, or at the stage in which it is
// reached.
func TestTroublesReachTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, hosts, log := fleet(80)
		troubles(hosts, rand.New(rand.NewPCG(1, 2)))
		_, _, err := carriedOut(t, c, hosts, plans.LeftOut{}, MaxFail{Hosts: 18}) // 16 fail before the first change, 24 in all
		var many *TooManyFailed
		if !errors.As(err, &many) || many.Failed < 18 {
			t.Fatalf("got %v", err)
		}
		for _, what := range log.told {
			if strings.HasPrefix(what, "make httpd") || strings.HasPrefix(what, "make ipvs") {
				t.Errorf("%q came after the limit", what)
			}
		}
	})
}

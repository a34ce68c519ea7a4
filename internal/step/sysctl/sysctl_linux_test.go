package sysctl

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

type fake struct{ *steptest.Host }

func (f fake) Kind() step.Any { return step.Erase(New(f.Host.Host)) }

const (
	procForward = "/proc/sys/net/ipv4/ip_forward"
	procIgnore  = "/proc/sys/net/ipv4/conf/all/arp_ignore"
	procMem     = "/proc/sys/net/ipv4/tcp_rmem"
)

func newFake(t *testing.T) steptest.Fake {
	return fake{steptest.NewHost(t, map[string]string{
		procForward:                     "0\n",
		procIgnore:                      "0\n",
		procMem:                         "4096 131072 6291456\n",
		"/etc/sysctl.conf":              "# by hand\nvm.swappiness = 10\n",
		"/etc/sysctl.d/99-sysctl.conf":  "-> ../sysctl.conf",
		"/usr/lib/sysctl.d/50-def.conf": "net.ipv4.ip_forward = 0\nnet.ipv4.conf.*.arp_ignore = 0\n",
	}, nil)}
}

func settings(kv ...string) Desired {
	d := Desired{Settings: map[string]string{}}
	for i := 0; i < len(kv); i += 2 {
		d.Settings[kv[i]] = kv[i+1]
	}
	return d
}

func TestConform(t *testing.T) {
	put := func(name, content string) func(*testing.T, steptest.Fake) {
		return func(_ *testing.T, f steptest.Fake) { f.(fake).Put(name, content) }
	}
	foreign := func(f steptest.Fake) string {
		return f.(fake).Get("/etc/sysctl.conf") + f.(fake).Get("/usr/lib/sysctl.d/50-def.conf")
	}
	steptest.Conform(t, newFake, []steptest.Case{{
		Name: "director, then real server",
		Plans: []any{
			settings("net.ipv4.ip_forward", "1", "net.ipv4.tcp_rmem", "4096\t87380   1000000"),
			settings("net.ipv4.conf.all.arp_ignore", "1"),
		},
		Foreign: foreign,
		Meddle:  put(procIgnore, "0\n"),
	}, {
		Name:    "drop-in edited by hand",
		Plans:   []any{settings("net.ipv4.ip_forward", "1")},
		Foreign: foreign,
		Meddle:  put(File, "net.ipv4.ip_forward = 1\nvm.swappiness = 1\n"),
	}, {
		Name:  "drop-in deleted by hand",
		Plans: []any{settings("net.ipv4.ip_forward", "1")},
		Meddle: func(t *testing.T, f steptest.Fake) {
			if err := os.Remove(f.(fake).Path(File)); err != nil {
				t.Fatal(err)
			}
		},
	}, {
		Name: "typed by hand from the tutorial",
		Prepare: func(t *testing.T, f steptest.Fake) {
			put(procForward, "1\n")(t, f)
			put("/etc/sysctl.conf", "net.ipv4.ip_forward = 1\n")(t, f)
		},
		Plans:   []any{settings("net.ipv4.ip_forward", "1")},
		Foreign: foreign,
	}, {
		Name:    "a drop-in that was there before lvsup",
		Prepare: put(File, "vm.swappiness = 60\n"),
		Plans:   []any{settings("net.ipv4.ip_forward", "1")},
	}})
}

func diffOf(t *testing.T, f steptest.Fake, want Desired, owned step.Owned) []step.Change {
	t.Helper()
	k := New(f.(fake).Host.Host)
	have, err := k.Observe(context.Background(), want, owned)
	if err != nil {
		t.Fatal(err)
	}
	return Diff(want, owned, have)
}

func TestDiffOrderAndCommands(t *testing.T) {
	f := newFake(t)
	want := settings("net.ipv4.ip_forward", "1", "net.ipv4.conf.all.arp_ignore", "1", "net.ipv4.tcp_rmem", "1 2 3")
	var got []string
	changes := diffOf(t, f, want, nil)
	for _, c := range changes {
		got = append(got, c.Action.String()+" "+c.ID.String())
		got = append(got, Commands(want, c)...)
	}
	expect := []string{
		"update net.ipv4.ip_forward (live)", "sysctl -w net.ipv4.ip_forward=1",
		"update net.ipv4.conf.all.arp_ignore (live)", "sysctl -w net.ipv4.conf.all.arp_ignore=1",
		"update net.ipv4.tcp_rmem (live)", "sysctl -w 'net.ipv4.tcp_rmem=1 2 3'",
		"create /etc/sysctl.d/99-lvsup.conf (content)",
		"cat > /etc/sysctl.d/99-lvsup.conf <<'EOF'\n" +
			"# Written by lvsup from its plan; an edit here is overwritten by the next apply.\n" +
			"net.ipv4.ip_forward = 1\n" +
			"net.ipv4.conf.all.arp_ignore = 1\n" +
			"net.ipv4.tcp_rmem = 1 2 3\n" +
			"EOF",
	}
	if d := cmp.Diff(expect, got); d != "" {
		t.Error(d)
	}
	owned := step.Owned{}
	for _, c := range changes {
		owned.Begin(c)
		owned.End(c)
	}
	if n, err := New(f.(fake).Host.Host).Apply(context.Background(), want, changes); err != nil || n != len(changes) {
		t.Fatalf("apply: %d, %v", n, err)
	}
	got = nil
	for _, c := range diffOf(t, f, Desired{}, owned) {
		got = append(got, c.Action.String()+" "+c.Key)
	}
	expect = []string{
		"restore net.ipv4.ip_forward", "restore net.ipv4.conf.all.arp_ignore", "restore net.ipv4.tcp_rmem",
		"delete /etc/sysctl.d/99-lvsup.conf",
	}
	if d := cmp.Diff(expect, got); d != "" {
		t.Error(d)
	}
}

func TestOverridden(t *testing.T) {
	tests := map[string]struct{ file, text, blocked string }{
		"later file": {
			"/etc/sysctl.d/zz.conf", "# x\nnet.ipv4.ip_forward = 0\n",
			"/etc/sysctl.d/zz.conf:2 sets net.ipv4.ip_forward = 0 after lvsup's own file, at boot it would win: delete that line",
		},
		"sysctl.conf through its link": {
			"/etc/sysctl.conf", "net/ipv4/ip_forward=0\n",
			"/etc/sysctl.conf:1 sets net.ipv4.ip_forward = 0 after lvsup's own file, at boot it would win: delete that line",
		},
		"the other name": {
			"/run/sysctl.d/zz.conf", "net.ipv4.conf.all.forwarding=0\n",
			"/run/sysctl.d/zz.conf:1 sets net.ipv4.conf.all.forwarding = 0 after lvsup's own file, at boot it would win: delete that line",
		},
		"taken out": {
			"/etc/sysctl.d/zz.conf", "-net.ipv4.ip_forward\n",
			"/etc/sysctl.d/zz.conf:1 takes net.ipv4.ip_forward out again after lvsup's own file, at boot it would win: delete that line",
		},
		"later file, same value": {"/etc/sysctl.d/zz.conf", "net.ipv4.ip_forward =  1\n", ""},
		"later pattern, the other name": {
			"/etc/sysctl.d/zz.conf", "net.ipv4.conf.*.forwarding = 0\n",
			"/etc/sysctl.d/zz.conf:1 sets net.ipv4.conf.*.forwarding = 0 after lvsup's own file, at boot it would win: delete that line",
		},
		"a comment behind it":         {"/etc/sysctl.d/zz.conf", "net.ipv4.ip_forward = 1 # nat\n", ""},
		"later pattern, our own name": {"/etc/sysctl.d/zz.conf", "net.ipv4.ip_*=0\n", ""},
		"earlier file":                {"/etc/sysctl.d/99-a.conf", "net.ipv4.ip_forward = 0\n", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.(fake).Put(tt.file, tt.text)
			changes := diffOf(t, f, settings("net.ipv4.ip_forward", "1"), nil)
			if tt.blocked == "" {
				if i := slices.IndexFunc(changes, func(c step.Change) bool { return c.Blocked != "" }); i >= 0 {
					t.Errorf("blocked: %s", changes[i].Blocked)
				}
				return
			}
			c := changes[0]
			if c.Blocked != tt.blocked || c.ID != (step.ID{Key: "net.ipv4.ip_forward", Field: "boot"}) {
				t.Errorf("got %+v\nwant blocked: %s", c, tt.blocked)
			}
			n, err := New(f.(fake).Host.Host).Apply(context.Background(), Desired{}, changes)
			if n != 0 || err == nil {
				t.Errorf("a blocked change was applied: %d, %v", n, err)
			}
		})
	}
	t.Run("sysctl.conf without its link", func(t *testing.T) {
		f := newFake(t)
		f.(fake).Put("/etc/sysctl.conf", "net.ipv4.ip_forward=0\n")
		if err := os.Remove(filepath.Join(f.(fake).Root, "/etc/sysctl.d/99-sysctl.conf")); err != nil {
			t.Fatal(err)
		}
		c := diffOf(t, f, settings("net.ipv4.ip_forward", "1"), nil)[0]
		if !strings.Contains(c.Blocked, "/etc/sysctl.conf:1") || !strings.Contains(c.Blocked, "sysctl --system") {
			t.Errorf("got %+v", c)
		}
	})
}

func TestMissingSysctlsAreNamed(t *testing.T) {
	want := settings("net.ipv4.conf.ens99.arp_ignore", "1", "net.ipv4.ip_forward", "1", "net.nonsense", "1")
	_, err := New(newFake(t).(fake).Host.Host).Observe(context.Background(), want, nil)
	if !errors.Is(err, procsys.ErrNoSysctl) || !strings.Contains(err.Error(), "ens99") || !strings.Contains(err.Error(), "net.nonsense") {
		t.Errorf("got %v", err)
	}
}

func TestValidate(t *testing.T) {
	for name, value := range map[string]string{
		"":                      "1",
		"ip_forward":            "1",
		"net..x":                "1",
		"net.ipv4.x\ny":         "1",
		"net.ipv4.*.rp_filter":  "1",
		"-net.ipv4.x":           "1\n",
		"net.ipv4/../x":         "1",
		"net.ipv4.ip_forward":   " ",
		"net.ipv4.ip_forward2":  "1\nkernel.x = 2",
		"net.ipv4.conf./a.x":    "1",
		"net.ipv4.conf.a//b.x":  "1",
		"net.ipv4.ip forward":   "1",
		"net.ipv4.ip_forward=1": "1",
	} {
		if err := Validate(settings(name, value)); err == nil {
			t.Errorf("%q = %q was accepted", name, value)
		}
	}
	if err := Validate(settings("net.ipv4.conf.eth0/100.rp_filter", "2", "net.ipv4.tcp_rmem", "1\t2 3")); err != nil {
		t.Error(err)
	}
}

// FuzzValidate sees that what is accepted stays below /proc/sys and comes back
// from the drop-in as it was meant.
func FuzzValidate(f *testing.F) {
	f.Add("net.ipv4.ip_forward", "1")
	f.Add("net.ipv4.conf.eth0/100.x", "1 2\t3")
	f.Add("a/../../b.c", "#;")
	f.Fuzz(func(t *testing.T, name, value string) {
		want := settings(name, value)
		if Validate(want) != nil {
			return
		}
		if p := procsys.Path("/", name); !strings.HasPrefix(p, "/proc/sys/") {
			t.Errorf("%q is %s", name, p)
		}
		s, ok := procsys.Effective(procsys.Systemd, []procsys.File{{Real: "f", Text: render(want)}}, name)
		if !ok || s.Value != normal(value) || s.Excluded {
			t.Errorf("%q = %q came back as %+v, %v", name, value, s, ok)
		}
	})
}

// TestParameterOfIPVS plans a parameter that exists once ip_vs is loaded: looking
// loads nothing, applying does.
func TestParameterOfIPVS(t *testing.T) {
	const file = "/proc/sys/net/ipv4/vs/conn_reuse_mode"
	var h *steptest.Host
	h = steptest.NewHost(t, map[string]string{procForward: "0\n"}, func(argv []string) host.Result {
		if slices.Equal(argv, []string{"modprobe", "ip_vs"}) {
			h.Put("/proc/net/ip_vs", "")
			h.Put(file, "1\n")
		}
		return host.Result{}
	})
	f, want, owned := fake{h}, settings("net.ipv4.vs.conn_reuse_mode", "0"), step.Owned{}
	changes := diffOf(t, f, want, owned)
	if len(changes) != 2 || changes[0].Action != step.Create || changes[0].To != "0" {
		t.Fatalf("planned %+v", changes)
	}
	if !slices.Equal(h.Ran, []string{"modprobe -n ip_vs"}) {
		t.Fatalf("looking ran %q", h.Ran)
	}
	for _, c := range changes {
		owned.Begin(c)
	}
	if done, err := New(h.Host).Apply(context.Background(), want, changes); err != nil || done != len(changes) {
		t.Fatalf("%d done: %v", done, err)
	}
	for _, c := range changes {
		owned.End(c)
	}
	if got := h.Get(file); got != "0\n" {
		t.Errorf("it is %q", got)
	}
	if left := diffOf(t, f, want, owned); len(left) != 0 {
		t.Errorf("left to do: %+v", left)
	}
	for _, c := range diffOf(t, f, Desired{}, owned) {
		if c.Field == live && (c.Action != step.Forget || !strings.Contains(c.Why, "ip_vs")) {
			t.Errorf("destroy gives %+v", c)
		}
	}
}

func TestParameterOfIPVSWithoutIPVS(t *testing.T) {
	h := steptest.NewHost(t, nil, func([]string) host.Result { return host.Result{Code: 1} })
	_, err := New(h.Host).Observe(context.Background(), settings("net.ipv4.vs.conn_reuse_mode", "0"), nil)
	if !errors.Is(err, procsys.ErrNoSysctl) {
		t.Errorf("got %v", err)
	}
}

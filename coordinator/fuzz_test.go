package coordinator

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// hostile is a host whose answers are chosen by somebody else. What it has no answer
// for, it answers like an honest one.
type hostile struct {
	fakeDialer
	answers map[wire.Op]json.RawMessage
	raw     []byte // sent instead of a frame, in place of the answer to an OpObserve
	at      string // if not empty it is at this with an OpApply, and stays there in silence
}

func (d hostile) open(ctx context.Context, name string, at plans.Connection, build string) (*session, error) {
	s, err := d.fakeDialer.open(ctx, name, at, build)
	if err != nil || name != "a" {
		return s, err
	}
	s.agent.close()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	go func() {
		defer outW.Close()
		defer inR.Close()
		_ = wire.WriteFrame(outW, wire.Hello{Protocol: wire.Version, Build: build})
		for {
			var req wire.Request
			if wire.ReadFrame(inR, &req) != nil {
				return
			}
			if req.Op == wire.OpAlive || req.Op == wire.OpStop {
				continue
			}
			if req.Op == wire.OpObserve && d.raw != nil {
				_, _ = outW.Write(d.raw)
				return
			}
			if req.Op == wire.OpApply && d.at != "" {
				if wire.WriteFrame(outW, wire.Response{ID: req.ID, At: d.at}) != nil {
					return
				}
				continue
			}
			res := wire.Response{ID: req.ID}
			if body, ok := d.answers[req.Op]; ok {
				res.Body = body
			} else {
				body, fault := d.fakeDialer[name].answer(req)
				res.Body, _ = json.Marshal(body)
				res.Error = fault
			}
			if wire.WriteFrame(outW, res) != nil {
				return
			}
		}
	}()
	conn, err := newAgentConn(inW, outR, build, func(err error) error { return err })
	if err != nil {
		return nil, err
	}
	again := func(ctx context.Context, _ string) (*session, error) { return d.open(ctx, name, at, build) }
	return &session{name: name, agent: conn, again: again, stop: func() { outR.Close() }}, nil
}

// FuzzHostAgainstCoordinator has one host of three answer what it likes. Nobody
// panics, nobody waits for it for ever, no letter that a terminal obeys is printed, and
// the other real server is set up, unless the run as a whole is refused.
func FuzzHostAgainstCoordinator(f *testing.F) {
	facts := `{"root":true,"free_bytes":1073741824,"boot_id":"a","interfaces":[{"name":"eth0","addresses":["192.0.2.9/24"]}],"routes":[{"destination":"0.0.0.0/0","interface":"eth0"}]}`
	f.Add(facts, `{"kinds":[{"kind":"vip","changes":[{"action":"create","key":"x","to":"1"}],"commands":[["x"]]}],"digest":"d"}`, `{"done":[{"kind":"vip","changes":[{"action":"create","key":"x"}]}],"notes":["\u001b[2J"]}`, `{"unix_nano":9223372036854775807}`, `{"links":[{}],"routes":[],"verdicts":null}`, []byte(nil), ``)
	f.Add(`{"boot_id":"director","hostname":"\u202e\u001b]0;x\u0007","interfaces":[{"name":"","addresses":["","::1/129","0.0.0.0/0"]}]}`, `{"kinds":[{"kind":"ipvs","changes":[{"action":"delete","key":"TCP 192.0.2.1:80 -> 198.51.100.2:80"}]},{"kind":"nothing","error":"\u009b1m"}]}`, `{"error":{"code":"stale","message":"\r\n"},"guarded":true}`, `{"unix_nano":-9223372036854775808}`, `{"routes":[{"to":"x"},{"to":"y"}],"listeners":[{"port":65535}]}`, []byte(nil), ``)
	f.Add(`{}`, `{"kinds":[{"kind":"address","changes":[{"action":"update","key":"eth0","field":"\u0000","from":"base64:!!","to":"10.0.0.1/33","guarded":"y","early":true,"boot":true,"follows":true}]}]}`, `null`, `{}`, `null`, []byte(nil), ``)
	f.Add(facts, `[]`, `[]`, `[]`, `[]`, []byte("\x00\x00\x00\x05{\"id\""), ``)
	f.Add(facts, ``, ``, ``, ``, []byte("\xff\xff\xff\xff Welcome to node1"), ``)
	f.Add(facts, ``, ``, ``, ``, []byte(nil), "vip: create \u001b[2J\r\u202e")
	f.Fuzz(func(t *testing.T, facts, observe, apply, clock, path string, raw []byte, at string) {
		synctest.Test(t, func(t *testing.T) { hostileRun(t, facts, observe, apply, clock, path, raw, at) }) // waits take no time
	})
}

// patience is what one host may cost a run: its own deadlines, and nothing else.
const patience = time.Hour

func hostileRun(t *testing.T, facts, observe, apply, clock, path string, raw []byte, at string) {
	c, hosts, _ := threeHosts()
	d := hostile{hosts, map[wire.Op]json.RawMessage{}, raw, at}
	if len(raw) == 0 {
		d.raw = nil
	}
	for op, body := range map[wire.Op]string{wire.OpFacts: facts, wire.OpObserve: observe, wire.OpApply: apply, wire.OpClock: clock, wire.OpPath: path} {
		if json.Valid([]byte(body)) {
			d.answers[op] = json.RawMessage(body)
		}
	}
	var out bytes.Buffer
	h := &view.Human{Out: &out, Err: &out}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := Open(ctx, Options{Cluster: c, Dialer: d, Build: "test", SkipUnreachable: true, GuardTime: 50 * time.Millisecond, Report: newTold(h)})
	defer r.Close()
	if err := r.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := r.Plan(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	h.Plan(plans.Conceal(c, p))
	h.Drift(p, view.DriftNotes{})
	if err := r.Apply(ctx, p); err != nil {
		h.Error(err)
	}
	h.Failures(r.Failures())
	_ = view.WriteJSON(&out, &view.Document{Plan: p, Failures: view.FailuresOf(r.Failures()), Notes: r.Notes()})
	if ctx.Err() != nil {
		t.Error("the host held the run up")
	}
	if i := strings.IndexFunc(out.String(), obeyed); i >= 0 {
		t.Errorf("a terminal would obey %q", out.String()[max(0, i-40):min(out.Len(), i+40)])
	}
}

// obeyed reports letters that a terminal does something for.
func obeyed(r rune) bool {
	return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r))
}

// newTold prints events one at a time, as a run does.
func newTold(h *view.Human) func(report.Event) {
	turn := make(chan struct{}, 1)
	return func(e report.Event) {
		turn <- struct{}{}
		defer func() { <-turn }()
		h.Event(e)
	}
}

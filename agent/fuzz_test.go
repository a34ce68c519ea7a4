package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// loud are the requests that send packets: a fuzzer on somebody's machine must not.
var loud = []wire.Op{wire.OpFetch, wire.OpARP}

// quiet reports whether a stream asks for nothing that sends packets.
func quiet(stream []byte) bool {
	for in := bytes.NewReader(stream); ; {
		var req wire.Request
		if wire.ReadFrame(in, &req) != nil {
			return true // nor does an agent read on
		}
		if slices.Contains(loud, req.Op) || req.Op == wire.OpFacts && bytes.Contains(bytes.ToLower(req.Body), []byte("arp")) {
			return false
		}
	}
}

func framed(requests ...any) []byte {
	var out bytes.Buffer
	for _, r := range requests {
		_ = wire.WriteFrame(&out, r)
	}
	return out.Bytes()
}

// FuzzCoordinatorAgainstAgent gives an agent any stream at all. It ends when the stream
// does, does not panic, answers each request that it reads with one frame, writes to
// its own folders only, and nothing at all without its lock.
func FuzzCoordinatorAgainstAgent(f *testing.F) {
	ask := func(id uint64, op wire.Op, body string) wire.Request {
		return wire.Request{ID: id, Op: op, Body: json.RawMessage(body)}
	}
	lock := ask(1, wire.OpLock, `{"holder":"\u001b[2J"}`)
	apply := ask(2, wire.OpApply, `{"desired":[{"kind":"shelf","want":{"a":"1"}}],"planned":[{"kind":"shelf","changes":[{"action":"create","key":"a","to":"1"}]}]}`)
	f.Add(framed(lock, ask(3, wire.OpObserve, `{"desired":[{"kind":"shelf","want":{"a":"1"}}]}`), apply, ask(4, wire.OpRemove, ``)))
	f.Add(framed(apply, lock, apply, ask(5, wire.OpUnlock, ``), apply, wire.Request{Op: wire.OpStop}))
	f.Add(framed(lock, ask(6, wire.OpApply, `{"desired":[{"kind":"shelf"},{"kind":"shelf"},{"kind":"none"}],"planned":null,"reverse":true,"destroy":true,"guard":{"nonce":"../../x","time":-1}}`)))
	f.Add(framed(ask(7, wire.OpConfirm, `{"nonce":"../../../etc/passwd","look":true}`), ask(8, wire.OpPath, `{"ports":["x/y"],"routes":[{"to":"::"}]}`), ask(9, "new", `[]`)))
	f.Add(framed(ask(10, wire.OpFacts, `{"sysctls":["../../etc/shadow","net.ipv4.ip_forward",""]}`), ask(11, wire.OpClock, `{}`)))
	f.Add(append(framed(lock), 0xff, 0xff, 0xff, 0xff, 'S', 'S', 'H'))
	f.Add(binary.BigEndian.AppendUint32(nil, wire.MaxFrame))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if !quiet(stream) {
			return
		}
		root := t.TempDir()
		own := filepath.Join(root, "own")
		s := newShelf(map[string]string{"foreign": "1"})
		silent := func(context.Context, ...string) (host.Result, error) { return host.Result{}, nil }
		a := New(host.Host{Root: root, Run: silent}, dirsIn(own), "test", []step.Any{s.kind()}, zerolog.Nop())
		a.launch = func(context.Context, string) error { return io.ErrClosedPipe }
		var answers bytes.Buffer
		ended := make(chan error, 1)
		go func() { ended <- a.Serve(context.Background(), bytes.NewReader(stream), &answers) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("the agent goes on after its coordinator has gone")
		}
		if err := wire.ReadFrame(&answers, &wire.Hello{}); err != nil {
			t.Fatal(err)
		}
		for answers.Len() > 0 {
			var res wire.Response
			if err := wire.ReadFrame(&answers, &res); err != nil {
				t.Fatal(err)
			}
			if max(len(res.Progress), len(res.At)) > wire.MaxProgress {
				t.Errorf("%d bytes of progress, at %d bytes", len(res.Progress), len(res.At))
			}
		}
		if s.state[step.ID{Key: "foreign"}] != "1" {
			t.Error("what lvsup does not own is gone")
		}
		left, err := os.ReadDir(root)
		if err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != "own" {
			t.Errorf("%v, %v", left, err)
		}
	})
}

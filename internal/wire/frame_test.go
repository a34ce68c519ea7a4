package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/step"
)

func TestFramesFollowEachOther(t *testing.T) {
	var stream bytes.Buffer
	sent := []Request{{ID: 1, Op: OpClock}, {ID: 2, Op: OpApply, Body: json.RawMessage(`{"x":"\u0000é"}`)}, {ID: 3, Op: "new"}}
	for _, r := range sent {
		if err := WriteFrame(&stream, r); err != nil {
			t.Fatal(err)
		}
	}
	r := iotest.OneByteReader(&stream)
	for _, want := range sent {
		var got Request
		if err := ReadFrame(r, &got); err != nil {
			t.Fatal(err)
		}
		if got.ID != want.ID || got.Op != want.Op || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if err := ReadFrame(r, &Request{}); err != io.EOF {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestFrameIsOneWrite(t *testing.T) {
	var writes int
	w := writer(func(p []byte) (int, error) { writes++; return len(p), nil })
	if err := WriteFrame(w, Hello{Protocol: Version}); err != nil || writes != 1 {
		t.Errorf("%d writes, %v", writes, err)
	}
	broken := errors.New("broken pipe")
	if err := WriteFrame(writer(func([]byte) (int, error) { return 0, broken }), Hello{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := WriteFrame(w, make(chan int)); err == nil || writes != 1 {
		t.Errorf("what JSON cannot hold was written: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func frame(size uint32, body string) io.Reader {
	return strings.NewReader(string(binary.BigEndian.AppendUint32(nil, size)) + body)
}

func TestBadFrames(t *testing.T) {
	for name, tt := range map[string]struct {
		in   io.Reader
		want error
	}{
		"ends in the length":   {strings.NewReader("\x00\x00"), io.ErrUnexpectedEOF},
		"ends after it":        {frame(3, ""), io.ErrUnexpectedEOF},
		"ends in the body":     {frame(3, "{}"), io.ErrUnexpectedEOF},
		"too large":            {frame(MaxFrame+1, ""), ErrFrameTooLarge},
		"a shell's greeting":   {strings.NewReader("Welcome to node1!\n"), ErrFrameTooLarge},
		"largest, then silent": {frame(MaxFrame, "{"), io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			if err := ReadFrame(tt.in, &Hello{}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	for _, body := range []string{"", "nonsense", `{"protocol":"1"}`, `{} {}`, `{"protocol":1`} {
		if err := ReadFrame(frame(uint32(len(body)), body), &Hello{}); err == nil {
			t.Errorf("the body %q was accepted", body)
		}
	}
	if err := WriteFrame(io.Discard, strings.Repeat("x", MaxFrame)); !errors.Is(err, ErrFrameTooLarge) {
		t.Errorf("writing too much: %v", err)
	}
}

// TestAnnouncedLengthTakesNoMemory: a peer that announces a large frame and
// sends nothing must not make us reserve room for it.
func TestAnnouncedLengthTakesNoMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := ReadFrame(frame(MaxFrame, "{"), &Hello{}); err == nil {
		t.Fatal("half a frame was accepted")
	}
	runtime.ReadMemStats(&after)
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
		t.Errorf("%d bytes were allocated for a frame that never came", bytes)
	}
}

// TestChangesSurviveTheWire: a plan that the agent makes is the plan that the
// coordinator shows and sends back.
func TestChangesSurviveTheWire(t *testing.T) {
	actions := []step.Action{step.Create, step.Update, step.Delete, step.Restore, step.Adopt, step.Forget}
	rapid.Check(t, func(t *rapid.T) {
		c := step.Change{
			Action: rapid.SampledFrom(actions).Draw(t, "action"),
			ID:     step.ID{Key: rapid.String().Draw(t, "key"), Field: rapid.String().Draw(t, "field")},
			From:   rapid.String().Draw(t, "from"),
			To:     step.EncodeBytes(rapid.SliceOf(rapid.Byte()).Draw(t, "to")),
			Why:    rapid.String().Draw(t, "why"), Early: rapid.Bool().Draw(t, "early"),
		}
		sent := ObserveResponse{Kinds: []KindChanges{{Kind: "k", Changes: []step.Change{c}}}}
		var stream bytes.Buffer
		if err := WriteFrame(&stream, sent); err != nil {
			t.Fatal(err)
		}
		var got ObserveResponse
		if err := ReadFrame(&stream, &got); err != nil {
			t.Fatal(err)
		}
		if got.Kinds[0].Changes[0] != c {
			t.Errorf("sent %+v, got %+v", c, got.Kinds[0].Changes[0])
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	for _, v := range []any{Hello{Protocol: 1, Kinds: []string{"sysctl"}}, Request{ID: 1, Op: OpFacts}, Response{Error: Failf(CodeLocked, "by %s", "x")}, Response{ID: 7, Progress: "half"}} {
		var b bytes.Buffer
		if err := WriteFrame(&b, v); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := bytes.NewReader(stream)
		for {
			before := r.Len()
			var res Response
			if err := ReadFrame(r, &res); err != nil {
				return
			}
			if r.Len() > before-4 {
				t.Fatalf("a frame was read from %d bytes, %d are left", before, r.Len())
			}
			var again bytes.Buffer
			if err := WriteFrame(&again, res); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
	})
}

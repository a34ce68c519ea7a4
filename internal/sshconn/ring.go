package sshconn

import (
	"bytes"
	"sync"
)

// ring keeps the last bytes written to it and hands whole lines to a callback.
// Safe for concurrent use.
type ring struct {
	mu     sync.Mutex
	max    int
	buf    []byte
	onLine func(string) // may be nil
	line   []byte
}

// maxLine bounds a line given to a callback, in bytes; longer ones are cut.
const maxLine = 4 << 10

func newRing(limit int) *ring { return &ring{max: limit} }

// Write never fails, so that a talkative process is not held up.
func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	r.buf = append(r.buf, p[max(0, len(p)-r.max):]...)
	if over := len(r.buf) - r.max; over > 0 {
		r.buf = append(r.buf[:0], r.buf[over:]...)
	}
	lines := r.split(p)
	r.mu.Unlock()
	for _, l := range lines {
		r.onLine(l)
	}
	return len(p), nil
}

func (r *ring) split(p []byte) []string {
	if r.onLine == nil {
		return nil
	}
	var lines []string
	for len(p) > 0 {
		part, rest, found := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(r.line); room > 0 {
			r.line = append(r.line, part[:min(room, len(part))]...)
		}
		if found {
			lines = append(lines, Clean(string(r.line)))
			r.line = r.line[:0]
		}
		p = rest
	}
	return lines
}

// flush hands over a last line without a line end.
func (r *ring) flush() {
	r.mu.Lock()
	line := string(r.line)
	r.line = nil
	r.mu.Unlock()
	if line != "" && r.onLine != nil {
		r.onLine(Clean(line))
	}
}

// String gives what is kept.
func (r *ring) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.buf)
}

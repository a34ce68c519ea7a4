package coordinator

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// attention is what a caller has for an agent while it works; the zero value is none.
type attention struct {
	heard   func(wire.Response) // how far it is and what it is at; may be nil
	silence time.Duration       // after which it is given up, if nothing at all comes; 0: never
}

// An agent is not silent before silentLooks looks in a row found nothing. They are
// counted, and not the time: a coordinator that stands still itself has not looked, and
// hears what came meanwhile before it looks again.
const silentLooks = 6

// slowLine is how many bytes a second of a request reach an agent at least, which says
// nothing before it has all of them.
const slowLine = 8 << 10

// counter counts the bytes that are read through it.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// lookout finds out that nothing comes any more. A long frame over a slow line is no
// silence.
type lookout struct {
	looks   <-chan time.Time // when to ask silent; nil: never
	end     func()
	from    *counter
	read    int64
	nothing int // looks in a row
	enough  int
}

// newLookout begins to count the looks, after a request of so many bytes.
func newLookout(from *counter, silence time.Duration, request int) *lookout {
	l := &lookout{end: func() {}, from: from, read: from.n.Load()}
	if silence > 0 {
		every := silence / silentLooks
		pulse := time.NewTicker(every)
		l.looks, l.end = pulse.C, pulse.Stop
		l.enough = silentLooks + int(time.Duration(request/slowLine)*time.Second/every)
	}
	return l
}

func (l *lookout) silent() bool {
	l.nothing++
	if now := l.from.n.Load(); now != l.read {
		l.nothing, l.read = 0, now
	}
	return l.nothing >= l.enough
}

// errStill is why an agent is given up of which nothing came for so long. Its SSH
// connection has a watch of its own (internal/sshconn), and so is up.
func errStill(silence time.Duration) error {
	return fmt.Errorf("no sign of life for %s, though SSH is up: the agent or its host stands still, and may yet finish the change in hand; "+
		"on the host, `ps -eo pid,stat,args | grep libexec/lvsup` shows the agent: with state T it is stopped, and `kill -CONT PID` lets it finish that change "+
		"and let go of the host; then run the same again, or with --resume", silence)
}

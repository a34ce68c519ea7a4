package coordinator

import (
	"time"

	"github.com/lvsup/lvsup/internal/report"
)

// pacer passes on what a host tells while it works, at a pace that a person can
// read: at most a line a second, and the longer it takes the fewer. The last
// text is always passed on. It must not be used from several goroutines.
type pacer struct {
	report func(string)
	now    func() time.Time
	begin  time.Time
	last   time.Time
	said   string // the text that was passed on last
	held   string // one that came too early
}

// pace makes a pacer for events that are like this one but for the note.
func (r *Run) pace(like report.Event) *pacer {
	return &pacer{now: time.Now, begin: time.Now(), report: func(text string) {
		like.Note = text
		r.opts.Report(like)
	}}
}

// gap is the time between two lines: a second, and a tenth of the time that has
// gone by.
func (p *pacer) gap() time.Duration { return max(time.Second, p.now().Sub(p.begin)/10) }

func (p *pacer) told(text string) {
	p.held = text
	if p.now().Sub(p.last) >= p.gap() {
		p.end()
	}
}

// end passes on what was held back.
func (p *pacer) end() {
	if p.held != "" && p.held != p.said {
		p.report(p.held)
		p.said, p.last = p.held, p.now()
	}
	p.held = ""
}

package view

import (
	"io"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Stream prints what happens as JSON, an object a line; docs/json.md describes
// them. It may be used from several goroutines.
type Stream struct {
	now func() time.Time

	mu    sync.Mutex
	out   io.Writer
	ended bool
	err   error
}

// NewStream makes a stream that is written to out, a write a line.
func NewStream(out io.Writer) *Stream { return &Stream{now: time.Now, out: out} }

// write prints a line. Nothing follows the result.
func (s *Stream) write(line func(now time.Time) any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended && s.err == nil {
		s.err = encode(s.out, line(s.now()), "")
	}
	return s.err
}

// Begin prints that a command begins, for one of several clusters if one is named.
func (s *Stream) Begin(command, cluster, build string) {
	_ = s.write(func(now time.Time) any {
		return report.BeginLine{Header: report.NewHeader(report.LineBegin, now), Command: command, Cluster: cluster, Build: build}
	})
}

// Event prints an event of a run.
func (s *Stream) Event(e report.Event) {
	_ = s.write(func(now time.Time) any { return report.LineOf(e, now) })
}

// Notice prints what a person should know.
func (s *Stream) Notice(text string) {
	_ = s.write(func(now time.Time) any {
		return report.NoticeLine{Header: report.NewHeader(report.LineNotice, now), Text: text}
	})
}

// PlanLine is what will be done now.
type PlanLine struct {
	report.Header
	Plan *plans.Plan `json:"plan"`
}

// Plan prints what will be done now.
func (s *Stream) Plan(p *plans.Plan) {
	_ = s.write(func(now time.Time) any {
		return PlanLine{Header: report.NewHeader(report.LinePlan, now), Plan: p}
	})
}

// Step prints that a step of the lab's begins, or with done that it is over.
func (s *Stream) Step(step string, done bool, err error, took time.Duration) {
	_ = s.write(func(now time.Time) any {
		line := report.StepLine{Header: report.NewHeader(report.LineStep, now), Step: step, Took: took.Round(time.Millisecond).Seconds()}
		if done {
			line.Type = report.LineStepEnd
		}
		if err != nil {
			line.Error = err.Error()
		}
		return line
	})
}

// Cluster prints the result of one of several clusters.
func (s *Stream) Cluster(d *Document) error {
	return s.write(func(now time.Time) any {
		d.Header = report.NewHeader(report.LineCluster, now)
		return d
	})
}

// Result prints the last line.
func (s *Stream) Result(d *Document) error {
	err := s.write(func(now time.Time) any {
		d.Header = report.NewHeader(report.LineResult, now)
		return d
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return err
}

// Ended reports whether the last line is out.
func (s *Stream) Ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

package coordinator

import (
	"time"

	"github.com/lvsup/lvsup/internal/report"
)

// begin tells that a stage begins, with the hosts that take part, and gives what
// tells that it is over. like says which stage, and how it is told.
func (r *Run) begin(like report.Event, hosts []string) (over func()) {
	start := time.Now()
	begun := like
	begun.Type, begun.Hosts = report.StageBegun, hosts
	r.opts.Report(begun)
	return func() {
		like.Type, like.Took = report.StageDone, time.Since(start)
		r.opts.Report(like)
	}
}

// beginHost is begin for one host of a stage.
func (r *Run) beginHost(like report.Event, host string) (done func(error)) {
	start := time.Now()
	like.Type, like.Host = report.HostBegun, host
	r.opts.Report(like)
	return func(err error) {
		like.Type, like.Err, like.Took = report.HostDone, err, time.Since(start)
		r.opts.Report(like)
	}
}

// eachQuiet is each as a stage that leaves no line behind.
func (r *Run) eachQuiet(stage string, hosts []string, f func(host string) error) {
	like := report.Event{Stage: stage, Quiet: true}
	defer r.begin(like, hosts)()
	r.each(hosts, func(host string) {
		done := r.beginHost(like, host)
		done(f(host))
	})
}

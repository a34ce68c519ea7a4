package coordinator

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// MaxFail is a number of hosts, or a share of those that the run is about. The
// zero value is no limit.
type MaxFail struct {
	Hosts   int
	Percent int // 1 to 100; rounded up to whole hosts
}

// ParseMaxFail reads a number of hosts, 1 or more, or a percentage with its sign.
func ParseMaxFail(text string) (MaxFail, error) {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 1 || percent && n > 100:
		return MaxFail{}, fmt.Errorf("write a number of hosts from 1, or a share of them from 1%% to 100%%")
	case percent:
		return MaxFail{Percent: n}, nil
	}
	return MaxFail{Hosts: n}, nil
}

// String is what ParseMaxFail reads; empty for no limit.
func (m MaxFail) String() string {
	switch {
	case m.Percent > 0:
		return strconv.Itoa(m.Percent) + "%"
	case m.Hosts > 0:
		return strconv.Itoa(m.Hosts)
	}
	return ""
}

// of gives the limit in hosts of so many; 0 is none.
func (m MaxFail) of(hosts int) int {
	if m.Percent > 0 {
		return max(1, (hosts*m.Percent+99)/100)
	}
	return m.Hosts
}

// TooManyFailed says that as many hosts failed as were allowed to.
type TooManyFailed struct {
	Failed, Hosts int // how many, of how many
	Limit         MaxFail
}

// Error says it with the limit.
func (e *TooManyFailed) Error() string {
	return fmt.Sprintf("%d of %d hosts failed, and the limit is %s (--max-fail)", e.Failed, e.Hosts, e.Limit)
}

// TooMany gives a *TooManyFailed once the limit is reached.
func (r *Run) TooMany() error {
	limit, failed, hosts := r.opts.MaxFail, len(r.failedHosts()), len(r.hostNames())
	if n := limit.of(hosts); n == 0 || failed < n {
		return nil
	}
	return &TooManyFailed{failed, hosts, limit}
}

// mayBegin is nil while the run may begin something on another host. Otherwise it
// wraps a *TooManyFailed, or is the cause that ended ctx.
func (r *Run) mayBegin(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := r.TooMany(); err != nil {
		return fmt.Errorf("nothing more was begun: %w", err)
	}
	return nil
}

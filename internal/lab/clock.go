package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockLag is how far a guest's clock may be off after its boot.
const clockLag = 50 * time.Millisecond

// A reading of a clock says no more than how long it took: on a busy machine the
// quickest of some counts.
const (
	goodReading = 200 * time.Millisecond
	readings    = 8
)

// setClock gives a guest back the time that it lost while it booted: until the
// kernel has its clock source it counts timer ticks, and a busy machine swallows
// some, half a second's worth at times.
func (s *State) setClock(ctx context.Context, guest string) error {
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	l, err := Open(filepath.Dir(s.dir), s.Name)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	if _, err := l.Client(ctx, guest); err != nil {
		return fmt.Errorf("cannot read the clock of guest %s: %w", guest, err)
	}
	lag, roundTrip, err := l.lag(ctx, guest)
	for n := 1; n < readings && roundTrip > goodReading && err == nil; n++ {
		var again, took time.Duration
		if again, took, err = l.lag(ctx, guest); err == nil && took < roundTrip {
			lag, roundTrip = again, took
		}
	}
	if err != nil {
		return err
	}
	if lag > -clockLag && lag < roundTrip+clockLag {
		return nil
	}
	_, err = l.Output(ctx, guest, "date", "--set", fmt.Sprintf("%+.3f seconds", lag.Seconds()))
	return err
}

// lag says how far a guest's clock is behind, at most, and how long the question took:
// it is behind by that much less at least.
func (l *Lab) lag(ctx context.Context, guest string) (lag, roundTrip time.Duration, err error) {
	asked := time.Now()
	out, err := l.Output(ctx, guest, "date", "+%s.%N")
	if err != nil {
		return 0, 0, err
	}
	answered := time.Now()
	seconds, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read the clock of guest %s: it says %q", guest, out)
	}
	// date starts late rather than early in the round trip: a fork costs most of it.
	return answered.Sub(time.UnixMicro(int64(seconds * 1e6))), answered.Sub(asked), nil
}

package lab

import "time"

// Event reports the progress of something that takes seconds. Each step is
// reported twice, when it starts and when it has ended.
type Event struct {
	Step    string        // what is being done, e.g. "boot master"
	Done    bool          // false: it starts; true: it has ended
	Elapsed time.Duration // since the start; zero when it starts
	Err     error         // why it failed, if it did; only with Done
}

// events calls a person's callback, or nobody's.
type events func(Event)

// step reports around the work.
func (e events) step(name string, work func() error) error {
	if e == nil {
		return work()
	}
	e(Event{Step: name})
	begin := time.Now()
	err := work()
	e(Event{Step: name, Done: true, Elapsed: time.Since(begin), Err: err})
	return err
}

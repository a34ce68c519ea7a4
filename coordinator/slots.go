package coordinator

import (
	"context"
	"sync"
)

// Slots bound how many hosts several runs work on at once, all together. Its methods may
// be used from several goroutines.
type Slots struct {
	mu      sync.Mutex
	changed sync.Cond
	free    int
	wanted  int // hosts that will take a slot as soon as they can
}

// NewSlots makes slots for so many hosts.
func NewSlots(hosts int) *Slots {
	s := &Slots{free: hosts}
	s.changed.L = &s.mu
	return s
}

// Share is what one run has of Slots. A nil Share bounds nothing.
type Share struct {
	of        *Slots
	announced int // hosts that are among the wanted and have not come yet
}

// Admit waits until more hosts could be worked on than those which are waited for by
// runs that have begun, and lets another begin, on so many hosts. So a later run takes
// nothing from an earlier one, and no more connections are open than need be. The error
// is the cause that ended ctx. Close ends the share.
func (s *Slots) Admit(ctx context.Context, hosts int) (*Share, error) {
	stop := context.AfterFunc(ctx, s.tell)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.free <= s.wanted && ctx.Err() == nil {
		s.changed.Wait()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	s.wanted += hosts
	return &Share{of: s, announced: hosts}, nil
}

func (s *Slots) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

// enter takes a slot for one host, once there is one. Whoever has one must not enter
// again: all could wait for each other then.
func (sh *Share) enter() (leave func()) {
	if sh == nil {
		return func() {}
	}
	s := sh.of
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.announced > 0 {
		sh.announced--
	} else {
		s.wanted++
	}
	for s.free == 0 {
		s.changed.Wait()
	}
	s.wanted--
	s.free--
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.free++
		s.changed.Broadcast()
	}
}

// Close takes back what was announced and did not come.
func (sh *Share) Close() {
	if sh == nil {
		return
	}
	sh.of.mu.Lock()
	defer sh.of.mu.Unlock()
	sh.of.wanted -= sh.announced
	sh.announced = 0
	sh.of.changed.Broadcast()
}

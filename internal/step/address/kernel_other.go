//go:build !linux

package address

import (
	"context"
	"errors"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// New returns the kind; on this system it can compare and print, but neither
// observe nor apply.
func New(h host.Host) step.Kind[Desired, Observed] {
	k := newKind(h, nil, 0)
	k.Observe = func(context.Context, Desired, step.Owned) (Observed, error) { return Observed{}, errOther() }
	k.Apply = func(context.Context, Desired, []step.Change) (int, error) { return 0, errOther() }
	return k
}

func errOther() error { return errors.New("cannot manage addresses: this system is not Linux") }

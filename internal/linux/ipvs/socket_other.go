//go:build !linux

package ipvs

import (
	"errors"

	"github.com/mdlayher/netlink"
)

func newSocket(*netlink.Conn) (socket, error) {
	return nil, errors.New("cannot use netlink: only Linux has it")
}

package ipvs

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// DaemonRole is what a sync daemon does (IP_VS_STATE_*). A network namespace
// has at most one daemon of each role.
type DaemonRole uint32

// The roles.
const (
	Master DaemonRole = 1 // sends its connections
	Backup DaemonRole = 2 // receives those of a master with the same ID
)

// String gives ipvsadm's word: master or backup.
func (r DaemonRole) String() string {
	switch r {
	case Master:
		return "master"
	case Backup:
		return "backup"
	}
	return fmt.Sprintf("role %d", uint32(r))
}

// What the kernel takes for a setting of a Daemon that is not given.
const (
	DefaultDaemonPort uint16 = 8848
	DefaultDaemonTTL  uint8  = 1
)

// DefaultDaemonGroup is the multicast group of a Daemon that has none.
func DefaultDaemonGroup() netip.Addr { return netip.AddrFrom4([4]byte{224, 0, 0, 81}) }

// Daemon is a connection synchronisation daemon.
type Daemon struct {
	Role      DaemonRole
	Interface string     // that the multicast goes out of or comes in at
	ID        uint8      // a backup takes messages with its own ID; 0: with any
	Group     netip.Addr // multicast, IPv4 or IPv6; the zero Addr: DefaultDaemonGroup
	Port      uint16     // UDP; 0: DefaultDaemonPort
	TTL       uint8      // 0: DefaultDaemonTTL
	// MaxLength bounds a message, in bytes without IP and UDP headers; 0: what a
	// packet of 1500 bytes leaves, with a backup of the interface's MTU if that
	// is larger. A backup takes no fewer than 1024.
	MaxLength uint16
}

// Daemons reads the daemons that run, the master first. Kernels before 4.3
// tell no group, port, TTL and length.
func (c *Client) Daemons(ctx context.Context) ([]Daemon, error) {
	var daemons []Daemon
	err := c.query(ctx, cmdGetDaemon, netlink.Request|netlink.Dump, nil, func(b []byte) error {
		w := walker{rest: b}
		for w.next() {
			if w.typ != attrDaemon {
				continue
			}
			d, err := decodeDaemon(w.value)
			if err != nil {
				return err
			}
			daemons = append(daemons, d)
		}
		return w.err
	})
	if err != nil {
		return nil, &Error{Op: cmdGetDaemon, Err: err}
	}
	return daemons, nil
}

func decodeDaemon(b []byte) (Daemon, error) {
	var d Daemon
	w := walker{rest: b}
	for w.next() {
		switch w.typ {
		case daemonState:
			d.Role = DaemonRole(w.uint32())
		case daemonInterface:
			d.Interface = w.string()
		case daemonID:
			d.ID = uint8(w.uint32())
		case daemonMaxLength:
			d.MaxLength = w.uint16()
		case daemonGroup, daemonGroup6:
			d.Group, _ = netip.AddrFromSlice(w.value)
		case daemonPort:
			d.Port = w.uint16()
		case daemonTTL:
			d.TTL = w.uint8()
		}
	}
	return d, w.err
}

// StartDaemon starts a daemon: EEXIST if one of the role runs, ENODEV without
// the interface, EINVAL if the group is no multicast address or if a service
// has backends of another address family than its own, which the protocol
// cannot carry. As long as a daemon runs, such backends are refused with
// EINVAL too.
func (c *Client) StartDaemon(ctx context.Context, d Daemon) error {
	return c.daemon(ctx, OpStartDaemon, d, func(nae *netlink.AttributeEncoder) {
		nae.String(daemonInterface, d.Interface)
		if d.MaxLength != 0 {
			nae.Uint16(daemonMaxLength, d.MaxLength)
		}
		switch {
		case d.Group.Is4():
			nae.Bytes(daemonGroup, d.Group.AsSlice())
		case d.Group.Is6():
			nae.Bytes(daemonGroup6, d.Group.AsSlice())
		}
		if d.Port != 0 {
			nae.Uint16(daemonPort, d.Port)
		}
		if d.TTL != 0 {
			nae.Uint8(daemonTTL, d.TTL)
		}
	})
}

// StopDaemon stops the daemon of that role; ESRCH if none runs. The kernel
// does not compare the ID.
func (c *Client) StopDaemon(ctx context.Context, role DaemonRole, id uint8) error {
	return c.daemon(ctx, OpStopDaemon, Daemon{Role: role, ID: id}, func(*netlink.AttributeEncoder) {})
}

// daemon sends a request about one; more adds what only some of them have.
func (c *Client) daemon(ctx context.Context, cmd Op, d Daemon, more func(*netlink.AttributeEncoder)) error {
	ae := netlink.NewAttributeEncoder()
	ae.Nested(attrDaemon, func(nae *netlink.AttributeEncoder) error {
		nae.Uint32(daemonState, uint32(d.Role))
		nae.Uint32(daemonID, uint32(d.ID))
		more(nae)
		return nil
	})
	if err := c.set(ctx, cmd, ae); err != nil {
		return &Error{Op: cmd, Daemon: d, Err: err}
	}
	return nil
}

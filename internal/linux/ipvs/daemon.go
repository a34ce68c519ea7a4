package ipvs

import (
	"context"
	"fmt"
	"net/netip"
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
	err := c.query(ctx, cmdGetDaemon, flagDump, nil, func(b []byte) error {
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
	err := c.query(ctx, cmdNewDaemon, flagAck, func(a attributes) attributes {
		return a.nested(attrDaemon, func(a attributes) attributes { return encodeDaemon(a, d) })
	}, nil)
	if err != nil {
		return &Error{Op: OpStartDaemon, Daemon: d, Err: err}
	}
	return nil
}

// StopDaemon stops the daemon of that role; ESRCH if none runs. The kernel
// does not compare the ID.
func (c *Client) StopDaemon(ctx context.Context, role DaemonRole, id uint8) error {
	if err := c.stop(ctx, role, id); err != nil {
		return &Error{Op: OpStopDaemon, Daemon: Daemon{Role: role, ID: id}, Err: err}
	}
	return nil
}

// stop sends a request that the kernel may carry out without an answer: that
// happens to a daemon whose thread has not begun to run, since kthread_stop
// gives EINTR then and netlink_rcv_skb takes that for "no answer". So a second
// request follows in the same send. When its answer comes first, there is none
// to the first, and the daemon is gone.
func (c *Client) stop(ctx context.Context, role DaemonRole, id uint8) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ready(ctx); err != nil {
		return err
	}
	defer bound(ctx, c.conn)()
	stop, info := c.seq+1, c.seq+2
	c.seq += 2
	c.out = appendMessage(c.out[:0], c.family, flagAck, stop, cmdDelDaemon, func(a attributes) attributes {
		return a.nested(attrDaemon, func(a attributes) attributes {
			return a.uint32(daemonState, uint32(role)).uint32(daemonID, uint32(id))
		})
	})
	c.out = appendMessage(c.out, c.family, 0, info, cmdGetInfo, nil)
	if err := c.conn.send(c.out); err != nil {
		return c.broke(ctx, err)
	}
	var refused error
	for {
		rest, err := c.receive()
		for err == nil && len(rest) > 0 {
			var m message
			m, rest, err = nextMessage(rest)
			switch {
			case err != nil:
			case m.seq == info:
				return refused
			case m.seq == stop:
				_, refused = m.ends()
			}
		}
		if err != nil {
			return c.broke(ctx, err)
		}
	}
}

func encodeDaemon(a attributes, d Daemon) attributes {
	a = a.uint32(daemonState, uint32(d.Role)).uint32(daemonID, uint32(d.ID)).string(daemonInterface, d.Interface)
	if d.MaxLength != 0 {
		a = a.uint16(daemonMaxLength, d.MaxLength)
	}
	switch {
	case d.Group.Is4():
		a = a.bytes(daemonGroup, d.Group.AsSlice()...)
	case d.Group.Is6():
		a = a.bytes(daemonGroup6, d.Group.AsSlice()...)
	}
	if d.Port != 0 {
		a = a.uint16(daemonPort, d.Port)
	}
	if d.TTL != 0 {
		a = a.uint8(daemonTTL, d.TTL)
	}
	return a
}

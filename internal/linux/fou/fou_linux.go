package fou

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// timeout bounds an exchange with the kernel: an answer that was lost would be
// waited for without end.
const timeout = 10 * time.Second

// List gives the ports of both families that are bound to no address. A kernel
// without fou has none.
func List() ([]Port, error) {
	var all []Port
	err := exchange(cmdGet, netlink.Request|netlink.Dump, nil, func(d *netlink.AttributeDecoder) {
		var p Port
		var encap, protocol uint8
		bound := false
		for d.Next() {
			switch d.Type() {
			case attrPort:
				p.Port = d.Uint16()
			case attrAF:
				p.IPv6 = d.Uint8() == unix.AF_INET6
			case attrProtocol:
				protocol = d.Uint8()
			case attrType:
				encap = d.Uint8()
			case attrLocalV4, attrLocalV6, attrPeerV4, attrPeerV6:
				for _, b := range d.Bytes() {
					bound = bound || b != 0
				}
			}
		}
		p.Type = typeName(encap, protocol)
		if !bound {
			all = append(all, p)
		}
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the ports of tunnels over UDP: %w", err)
	}
	return all, nil
}

// Add makes the kernel take GUE packets on the port. It is not an error if it
// does already.
func Add(port uint16, ipv6 bool) error {
	err := exchange(cmdAdd, netlink.Request|netlink.Acknowledge, attributes(port, ipv6, true), nil)
	if errors.Is(err, unix.EALREADY) {
		return nil
	}
	if errors.Is(err, unix.EADDRINUSE) {
		err = fmt.Errorf("%w: `ss -ulnp` shows by what", err)
	}
	if err != nil {
		return fmt.Errorf("cannot take tunnelled packets on UDP port %d: %w", port, err)
	}
	return nil
}

// Remove undoes Add. It is not an error if the port is not there.
func Remove(port uint16, ipv6 bool) error {
	err := exchange(cmdDel, netlink.Request|netlink.Acknowledge, attributes(port, ipv6, false), nil)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot give up UDP port %d: %w", port, err)
	}
	return nil
}

func attributes(port uint16, ipv6, gue bool) func(*netlink.AttributeEncoder) {
	return func(e *netlink.AttributeEncoder) {
		e.ByteOrder = binary.BigEndian
		e.Uint16(attrPort, port)
		family := uint8(unix.AF_INET)
		if ipv6 {
			family = unix.AF_INET6
		}
		e.Uint8(attrAF, family)
		if gue {
			e.Uint8(attrType, encapGUE)
		}
	}
}

// exchange sends one request and gives each answer's attributes to read. A
// kernel without the family gives fs.ErrNotExist.
func exchange(command uint8, flags netlink.HeaderFlags, fill func(*netlink.AttributeEncoder), read func(*netlink.AttributeDecoder)) error {
	conn, err := netlink.Dial(unix.NETLINK_GENERIC, nil)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	generic := genetlink.NewConn(conn)
	family, err := generic.GetFamily("fou")
	if err != nil {
		return err
	}
	request := genetlink.Message{Header: genetlink.Header{Command: command, Version: version}}
	if fill != nil {
		e := netlink.NewAttributeEncoder()
		fill(e)
		if request.Data, err = e.Encode(); err != nil {
			return err
		}
	}
	answers, err := generic.Execute(request, family.ID, flags)
	if err != nil || read == nil {
		return err
	}
	for _, m := range answers {
		d, err := netlink.NewAttributeDecoder(m.Data)
		if err != nil {
			return err
		}
		d.ByteOrder = binary.BigEndian
		read(d)
		if err := d.Err(); err != nil {
			return err
		}
	}
	return nil
}

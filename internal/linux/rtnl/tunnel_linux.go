package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The requests that change a tunnel device (include/uapi/linux/if_tunnel.h).
// For ip6tnl0 and gre0, which come with their modules, kernels before
// 6.2 take changes in no other way: rtnetlink answers EINVAL.
const siocCHGTUNNEL = unix.SIOCDEVPRIVATE + 3

// greChecksum is GRE_CSUM (include/uapi/linux/if_tunnel.h), in network order.
const greChecksum = 0x8000

// ipv4Version is version and header length of an IPv4 header without options.
const ipv4Version = 0x45

// TunnelMode tells which packets an ip6tnl device unwraps, in the words of
// ip-tunnel(8): "any", "ip6ip6" or "ipip6".
func TunnelMode(ifname string) (string, error) {
	l, err := link(ifname)
	if err != nil {
		return "", fmt.Errorf("cannot read the mode of %s: %w", ifname, err)
	}
	t, ok := l.(*netlink.Ip6tnl)
	if !ok {
		return "", fmt.Errorf("cannot read the mode of %s: it is not an ip6tnl device but %s", ifname, l.Type())
	}
	for mode, proto := range tunnelModes() {
		if proto == t.Proto {
			return mode, nil
		}
	}
	return fmt.Sprintf("protocol %d", t.Proto), nil
}

// tunnelModes gives the IP protocol that a mode lets in; 0 is every one.
func tunnelModes() map[string]uint8 {
	return map[string]uint8{"any": 0, "ip6ip6": unix.IPPROTO_IPV6, "ipip6": unix.IPPROTO_IPIP}
}

// SetTunnelMode makes ip6tnl0 unwrap packets of that mode.
func SetTunnelMode(ifname, mode string) error {
	proto, ok := tunnelModes()[mode]
	if !ok {
		return fmt.Errorf("cannot set the mode of %s: %q is none", ifname, mode)
	}
	p := make([]byte, 64) // struct ip6_tnl_parm (include/uapi/linux/ip6_tunnel.h)
	copy(p, ifname)
	p[20] = proto
	if err := changeTunnel(unix.AF_INET6, ifname, p); err != nil {
		return fmt.Errorf("cannot set the mode of %s to %s: %w", ifname, mode, err)
	}
	return nil
}

// TunnelChecksum reports whether a GRE device takes packets with a checksum; it
// then takes no others (ip_tunnel_rcv in net/ipv4/ip_tunnel.c).
func TunnelChecksum(ifname string) (bool, error) {
	l, err := link(ifname)
	if err != nil {
		return false, fmt.Errorf("cannot read the flags of %s: %w", ifname, err)
	}
	t, ok := l.(*netlink.Gretun)
	if !ok {
		return false, fmt.Errorf("cannot read the flags of %s: it is not a gre device but %s", ifname, l.Type())
	}
	return t.IFlags&greChecksum != 0, nil
}

// SetTunnelChecksum makes gre0 take packets with a checksum, or those without.
// The kernel lets nobody change that of ip6gre0 (ip6gre_tunnel_siocdevprivate in
// net/ipv6/ip6_gre.c).
func SetTunnelChecksum(ifname string, on bool) error {
	p := make([]byte, 52) // struct ip_tunnel_parm (include/uapi/linux/if_tunnel.h)
	copy(p, ifname)
	if on {
		binary.BigEndian.PutUint16(p[20:], greChecksum)
	}
	p[32] = ipv4Version
	p[41] = unix.IPPROTO_GRE
	if err := changeTunnel(unix.AF_INET, ifname, p); err != nil {
		return fmt.Errorf("cannot set the checksum flag of %s: %w", ifname, err)
	}
	return nil
}

// changeTunnel asks for the change that parameters describe.
func changeTunnel(family int, ifname string, parameters []byte) error {
	if len(ifname) >= unix.IFNAMSIZ {
		return errors.New("the name is too long")
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var req struct { // struct ifreq (include/uapi/linux/if.h)
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
	copy(req.name[:], ifname)
	req.data = unsafe.Pointer(&parameters[0])
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), siocCHGTUNNEL, uintptr(unsafe.Pointer(&req)))
	runtime.KeepAlive(parameters)
	if errno != 0 {
		return errno
	}
	return nil
}

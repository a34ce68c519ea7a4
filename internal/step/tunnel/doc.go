// Package tunnel is the kind of what unwraps tunnelled packets on a real
// server: the kernel modules, the device that the inner packets come out of,
// and for gue the port, live and for the next boot.
//
// The device is one that its module makes, and takes the packets of every
// director: tunl0 (IPv4 in IPv4), sit0 (IPv6 in IPv4), ip6tnl0 (either in IPv6),
// gre0 and ip6gre0. A gue packet loses its UDP header and then goes the way of
// an ipip one.
//
// An IPv4 packet that comes out of a device is dropped by reverse path filtering
// unless the device's rp_filter is 2 and the device has an address: the kernel
// takes the maximum of net.ipv4.conf.all and the device, 2 is loose, and with no
// address on the device loose is as strict as strict (__fib_validate_source in
// net/ipv4/fib_frontend.c). So lvsup gives it an address of 127.0.0.0/8 that
// nothing else uses, and leaves net.ipv4.conf.all alone.
//
// Modules that were loaded stay when lvsup goes: somebody else may have come to
// use them.
package tunnel

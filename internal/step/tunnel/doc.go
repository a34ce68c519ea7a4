// Package tunnel is the kind of what unwraps tunnelled packets on a real
// server: the kernel modules, the device that the inner packets come out of,
// its rp_filter, and for gue the port, live and for the next boot.
package tunnel

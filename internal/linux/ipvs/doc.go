// Package ipvs speaks to the IP Virtual Server of a Linux kernel: the table of
// virtual services and their real servers, the timeouts and the sync daemons
// through generic netlink, the connections through /proc/net/ip_vs_conn, the
// kernel modules through modprobe(8). It prints all of it as ipvsadm(8) 1.31
// does, and as lines that `ipvsadm -R` takes.
//
// The types keep three things apart: what identifies an entry (ServiceKey;
// Address and Port of a Destination), its settings (Service, Destination) and
// what the kernel counts (Stats, the connection numbers of a
// DestinationState). Only the first two can be written.
//
// A table belongs to a network namespace: everything here concerns the one
// that the calling process is in.
//
// The sources are include/uapi/linux/ip_vs.h and
// net/netfilter/ipvs/ip_vs_ctl.c of the kernel.
package ipvs

// Package mangle is the kind of the two firewall rules that a cluster itself
// needs: the mark that joins several ports to one service, and the MSS that
// keeps packets small enough for a tunnel. They are made with nftables or
// iptables, whichever the host uses, live and for the next boot.
package mangle

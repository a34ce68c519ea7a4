// Package mangle is the kind of the two firewall rules that a cluster itself
// needs: the mark that joins several ports to one service, and the MSS that
// keeps packets small enough for a tunnel. They are made with nftables or
// iptables, whichever the host uses, live and for the next boot.
//
// lvsup's rules carry a comment that names what they are for, "lvsup mark
// 192.168.140.100 80/tcp", and nothing without such a comment is ever touched.
// nft has them in a table of their own, inet lvsup; iptables has them at the end
// of the chains of its table mangle. Which tool it is does not show in the plan's
// values: rules that are there stay with the tool that made them.
//
// A mark is set on what comes in (PREROUTING) and on what the director itself
// sends (OUTPUT): both reach IPVS after the mangle priority and before routing is
// final (ip_vs_ops4 in net/netfilter/ipvs/ip_vs_core.c), and so a service found by
// its mark behaves like one found by its address. The segment size is lowered in
// what leaves a real server with the VIP as its source (POSTROUTING), SYN and
// SYN-ACK; neither tool ever raises one (tcpmss_mangle_packet in
// net/netfilter/xt_TCPMSS.c, nft_exthdr_tcp_set_eval in net/netfilter/nft_exthdr.c).
//
// A firewall that clears all rules when it starts, such as nftables.service with
// "flush ruleset", clears these: that is drift until the next apply or boot.
package mangle

// Package firewall is the kind that gets a host's firewall out of the cluster's
// way as far as the plan allows: not at all, by opening what is needed, or by
// switching it off now and at boot, as the tutorial does.
//
// firewalld and ufw have commands that open a port for good. Rules that somebody
// wrote have a running chain and a file that makes it at boot: each gets a line of
// lvsup's, at the chain's head, with a comment that names what it is for, "lvsup
// 80/tcp". What the file makes is found out by loading it in a network namespace
// (nft) or by reading it (iptables), and nothing without such a comment is touched.
package firewall

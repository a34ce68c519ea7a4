// Package sysctl is the kind that sets kernel parameters, live under /proc/sys
// and for the next boot in a drop-in file under /etc/sysctl.d.
//
// A parameter is the ID {NAME, "live"}, the drop-in {File, "content"}. A file
// that would override the drop-in at boot gives a blocked change of {NAME,
// "boot"}: lvsup does not edit other people's files, and a setting that a reboot
// undoes is not one that it may call done. Where the kernel combines a parameter
// with another one, whose value spoils it, that gives one of {NAME, "effective"}.
//
// Setting net.ipv4.ip_forward has a side effect in the kernel: it sets
// forwarding of every interface and net.ipv4.conf.all.accept_redirects too
// (inet_forward_change in net/ipv4/devinet.c). It is therefore written first,
// live and in the file, and whatever else the plan sets has the last word. Going
// back to 0 leaves accept_redirects at 1, the kernel's default.
package sysctl

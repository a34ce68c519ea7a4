// Package sysctl is the kind that sets kernel parameters, live under /proc/sys
// and for the next boot in a drop-in file under /etc/sysctl.d.
package sysctl

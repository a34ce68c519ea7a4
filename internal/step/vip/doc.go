// Package vip is the kind that gives a host its virtual IP addresses, live and at
// every boot: through rc.local, or in the files of the host's own network stack.
package vip

// Package vip is the kind that gives a host its virtual IP addresses, live and,
// through rc.local, at every boot.
package vip

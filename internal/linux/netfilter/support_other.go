//go:build !linux

package netfilter

// hasTables is for Linux alone.
func hasTables() bool { return true }

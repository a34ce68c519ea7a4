// Package procsys reads and writes kernel parameters under /proc/sys
// (proc(5), sysctl(8)), and knows what the files under sysctl.d will make of
// them at the next boot (sysctl.d(5)).
package procsys

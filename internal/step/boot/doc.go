// Package boot is the kind of the systemd unit that has the agent bring back,
// when a host boots, what no file of the system's own keeps: virtual services,
// tunnels and packet rules.
package boot

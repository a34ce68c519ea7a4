// Package firewall is the kind that gets a host's firewall out of the cluster's
// way as far as the plan allows: not at all, by opening the needed ports, or by
// switching it off now and at boot, as the tutorial does.
package firewall

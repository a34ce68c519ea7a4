// Package ipvs is the kind of virtual services and their backends: the table
// of the kernel's IPVS on a director, kept for the next boot.
//
// A service is one value, ID{Key: "TCP 192.168.146.100:80"}, whose text is its
// scheduler and persistence: "rr", "rr persistent 10". A backend is one value,
// ID{Key: "TCP 192.168.146.100:80 -> 192.168.177.10:80"}, whose text is its
// forwarding and weight: "nat weight 1". So each edit of a plan is one change
// in place, and the text holds all that lvsup needs to put a value back. What
// lvsup does not manage of them (one-packet scheduling, thresholds, a
// persistence engine) is neither compared nor lost.
//
// Backends go gently: weight 0, wait until no connection is established or
// DrainTimeout is over, delete. Entries of others are never touched, not even
// by the deletion of a service of ours that they have joined.
package ipvs

// Package view prints what lvsup has to say of a cluster, for people or as
// JSON. What commands of the lab print is their own.
//
// Whatever came from a host is escaped on the way out: a host may be hostile,
// and a terminal obeys what it is sent.
package view

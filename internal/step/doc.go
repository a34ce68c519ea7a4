// Package step is the contract of a kind: a type of resource (sysctl, address,
// ipvs, ...) that lvsup can observe on a host, compare with what a plan wants,
// and change.
//
// The heart of it is Diff, a pure function. Dry run, the guard before an apply,
// idempotence and verification are all that one function, so they cannot
// disagree. Most kinds flatten what they want and what they see into State maps
// and let Reconcile do the comparing and the ownership rules.
package step

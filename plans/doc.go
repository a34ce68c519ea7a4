// Package plans holds what a plan means: the cluster it describes, what each
// host must therefore have, and in which order that is brought about.
//
// Everything here is data and pure functions. Nothing in this package reads a
// file, opens a socket or knows about HCL: the loader in package hcl produces a
// Cluster, Validate judges it, Expand turns it into what each host must have,
// and Stages fixes the order.
package plans

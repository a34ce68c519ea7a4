// Package importer reads the configuration of other LVS tools and makes a
// cluster of it: the rules of ipvsadm(8), keepalived.conf(5) and ldirectord(8)'s
// configuration file.
//
// Each format is read into one shared model (draft.go), which keeps where things
// stood and what could not be carried over; build.go makes the cluster, its
// comments and the warnings from it. What a Result holds, plans.Validate accepts.
//
// Nothing here reads files or asks the network: names are looked up, and included
// files read, through Options.
package importer

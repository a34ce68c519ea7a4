// Package coordinator runs a plan against its hosts: it dials them, pushes the
// agent, collects facts, checks them, compares, and carries out the stages one
// after the other with a barrier between them.
//
// It holds one connection and one agent process a host for the whole run. It
// never decides what differs on a host: that is the agent's Diff, which is the
// same for a plan, an apply, its verification and a drift check.
package coordinator

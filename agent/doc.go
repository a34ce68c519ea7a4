// Package agent is the part of lvsup that runs on a host. It answers one
// coordinator over stdin and stdout: what is there, what differs from the plan,
// and, under the host's lock, makes it so.
//
// It keeps a record of what it made or changed, with the value before, so that
// everything can be put back. An entry is on disk before the change it names is
// carried out: an agent that is killed leaves nothing it does not know of.
//
// It opens no port and leaves no daemon behind.
package agent

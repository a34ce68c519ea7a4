// Package wire is the protocol between the coordinator and an agent: JSON in
// length-prefixed frames over the stdin and stdout of one SSH session.
//
// The agent speaks first, with a Hello. After that the coordinator sends
// Requests and the agent answers each with one Response, in order; while it works
// on one it may send others that only say how far it is. An agent
// that does not know a request answers with CodeUnsupported, never silence.
package wire

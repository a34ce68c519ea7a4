// Package fleet brings up many hosts on one machine: each a set of namespaces
// (mount, network, PID, UTS, IPC) with a root file system of its own over the
// machine's, and OpenSSH's sshd. They are what a benchmark works on: not kernels of
// their own, and without systemd, but a thousand of them fit where three guests of
// the lab do.
//
// All of it is inside one more set of namespaces (Enter), whose first process is
// the caller: when that ends, the kernel takes everything away. No packet leaves
// it, and nothing is written to the machine's own files.
//
// A host has two network interfaces. EthSSH has an address and is where SSH comes
// in; EthData has none, and is for a plan to set up.
package fleet

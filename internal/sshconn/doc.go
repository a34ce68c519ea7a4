// Package sshconn reaches hosts over SSH: it reads ssh_config as OpenSSH does,
// checks host keys against known_hosts, goes through jump hosts and proxy
// commands, notices a dead peer, runs commands, becomes root through sudo and
// pushes a file by its content hash.
//
// A Resolver turns a host's name into an Endpoint; a Dialer turns Endpoints
// into Clients and shares one connection to each jump host among them; a
// Client runs commands (Exec, Start, StartBecome) and uploads (Upload).
//
// Command lines given to a Client are POSIX shell lines and run under the
// host's sh, whatever the login shell is. What the login shell's start-up files
// print before is kept away from the command's output.
//
// Everything a host says is foreign: it is bounded, and passes through Clean
// before it becomes part of an error.
package sshconn

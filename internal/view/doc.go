// Package view prints what lvsup has to say, for people or as JSON. Nothing
// else in the project writes to standard output.
//
// Whatever came from a host is escaped on the way out: a host may be hostile,
// and a terminal obeys what it is sent.
package view

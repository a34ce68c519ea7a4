// Package httpget fetches small pages over plain HTTP/1.1. It exists because
// the agent checks test pages and net/http would add 1.4 MiB to a binary that
// is pushed to every host.
//
// It speaks what a test page needs (RFC 9112): a GET, interim 1xx responses,
// bodies delimited by Content-Length, by chunks or by the end of the
// connection. There are no redirects, no TLS, no compression and no proxies.
// Everything that a server sends is bounded.
package httpget

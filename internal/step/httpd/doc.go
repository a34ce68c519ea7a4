// Package httpd is the kind that serves a real server's test page: the file,
// Apache enabled and running, and the page fetched back.
package httpd

// Package facts collects what the coordinator must know of a host before it
// plans: what it is, how it is connected, and what could stand in the way. It
// only reads, and bounds what it collects.
package facts

import (
	"strings"
	"unicode/utf8"

	"github.com/lvsup/lvsup/internal/wire"
)

// Bounds on what one host reports.
const (
	maxInterfaces = 256
	maxAddresses  = 64 // of one interface
	maxRoutes     = 1024
	maxSysctls    = 256
	maxText       = 256 // bytes of any text
)

// clip bounds a text without cutting through a character.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for len(s) > 0 {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size > 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return s
}

// parseOS reads an os-release file (os-release(5)): shell assignments whose
// values may be quoted.
func parseOS(text string) wire.OS {
	var os wire.OS
	fields := map[string]*string{
		"ID": &os.ID, "ID_LIKE": &os.Like, "VERSION_ID": &os.Version, "PRETTY_NAME": &os.Pretty,
	}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if field, known := fields[name]; ok && known {
			*field = clip(unquote(value))
		}
	}
	return os
}

// unquote undoes the quoting that os-release(5) allows.
func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		quote := s[0]
		s = s[1 : len(s)-1]
		if quote == '\'' {
			return s
		}
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// parseSystemd reads the first line of systemctl --version, "systemd 252
// (252.39-1~deb12u1)".
func parseSystemd(out string) int {
	fields := strings.Fields(out)
	if len(fields) < 2 || fields[0] != "systemd" {
		return 0
	}
	version := 0
	for _, c := range fields[1] {
		if c < '0' || c > '9' || version > 9999 {
			break
		}
		version = version*10 + int(c-'0')
	}
	return version
}

// nameservers reads the servers of a resolv.conf(5), of which the resolver asks no
// more than three (MAXNS in resolv.h).
func nameservers(text string) []string {
	const most = 3
	var all []string
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "nameserver" && len(all) < most {
			all = append(all, clip(f[1]))
		}
	}
	return all
}

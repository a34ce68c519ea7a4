package sysctl

import (
	"fmt"
	"sort"
	"strings"
)

// Desired is what a plan wants of the kernel's parameters on one host.
type Desired struct {
	// Settings maps dotted names, as sysctl(8) prints them, to values. An
	// interface whose own name has dots is written with slashes, as in
	// "net.ipv4.conf.eth0/100.rp_filter".
	Settings map[string]string `json:"settings,omitempty"`
}

// Validate names the setting that is wrong.
func Validate(want Desired) error {
	for _, name := range want.names() {
		if !validName(name) {
			return fmt.Errorf("settings: %q is not the name of a sysctl; write it with dots, like net.ipv4.ip_forward", name)
		}
		value := want.Settings[name]
		if normal(value) == "" {
			return fmt.Errorf("settings: %s has no value", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && (r < ' ' || r == 0x7f) }) {
			return fmt.Errorf("settings: the value of %s holds a control character", name)
		}
	}
	return nil
}

// names are the settings in alphabetical order.
func (d Desired) names() []string {
	names := make([]string, 0, len(d.Settings))
	for name := range d.Settings {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// validName accepts what stays below /proc/sys and cannot be mistaken for
// another line of a sysctl.d file.
func validName(name string) bool {
	parts := strings.Split(name, ".")
	if len(parts) < 2 {
		return false
	}
	for _, part := range parts {
		if part == "" || strings.HasPrefix(part, "/") || strings.HasSuffix(part, "/") {
			return false
		}
		for _, r := range part {
			letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
			if !letter && !strings.ContainsRune("_-/:@", r) {
				return false
			}
		}
	}
	return !strings.Contains(name, "//")
}

// normal is the value with every run of blanks made one space: the kernel
// prints tabs where people type spaces (net.ipv4.tcp_rmem).
func normal(value string) string { return strings.Join(strings.Fields(value), " ") }

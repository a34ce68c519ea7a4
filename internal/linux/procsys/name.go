package procsys

import (
	"path/filepath"
	"strings"
)

// swap exchanges dots and slashes.
var swap = strings.NewReplacer(".", "/", "/", ".")

// Dotted gives the dotted form of a name, in which a dot separates and a slash
// stands for a dot within a part: "net.ipv4.conf.eth0/100.rp_filter". Which of
// the two separates is told by whichever comes first (sysctl.d(5)). A slash may
// lead, and several count as one.
func Dotted(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return swap.Replace(once(name))
	}
	return name
}

// once makes one slash of several, and none of those at the ends.
func once(name string) string {
	return strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '/' }), "/")
}

// Path is the file of the parameter below root, "/" on a real machine.
func Path(root, name string) string {
	return filepath.Join(root, "/proc/sys", swap.Replace(Dotted(name)))
}

// Aliases are the dotted names of one parameter, the given one first. The
// kernel knows IPv4 forwarding by two (net/ipv4/devinet.c, ctl_forward_entry).
func Aliases(name string) []string {
	const forward, all = "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"
	switch name {
	case forward:
		return []string{forward, all}
	case all:
		return []string{all, forward}
	}
	return []string{name}
}

package lab

import (
	"bytes"
	"fmt"
	"strings"
)

// seedSize is what the size of a disk must be a multiple of.
const seedSize = 512

// seedVars is what the boot script of a guest says beyond the topology.
type seedVars struct {
	stack      Stack
	hostKey    string // OpenSSH private key, PEM
	authorized string // authorized_keys(5)
}

// seed is a guest's second disk: a shell script that lab-boot.service runs at
// each boot, before the network. It uses the shell's own commands where it can:
// a program costs a guest 15 ms.
func seed(g Guest, v seedVars) []byte {
	var s bytes.Buffer
	fmt.Fprintf(&s, "# lvsup lab: what %s is\nmkdir -p /run/lab/chrony\n", g.Name)
	fmt.Fprintf(&s, "umask 077\necho '%s' >/run/lab/ssh_host_ed25519_key\n", strings.TrimSpace(v.hostKey))
	fmt.Fprintf(&s, "umask 022\necho '%s' >/run/lab/authorized_keys\n", strings.TrimSpace(v.authorized))
	fmt.Fprintf(&s, "echo 'server %s iburst minpoll 0 maxpoll 4' >/run/lab/chrony/lab.sources\n", g.NTP)
	fmt.Fprintf(&s, "ip -batch - <<'END'\n%sEND\n", nicCommands(g))
	s.WriteString(v.stack.everyBoot(g))
	fmt.Fprintf(&s, "if [ ! -e /etc/lab-first-boot ]; then\n\techo '127.0.1.1\t%s' >>/etc/hosts\n", g.Name)
	s.WriteString(v.stack.firstBoot(g))
	// Files reach the disk up to half a minute after their names do, and a power
	// cut in between leaves them empty.
	s.WriteString("\tsync\n\t: >/etc/lab-first-boot\n\tsync\nfi\nexit 0\n")
	for s.Len()%seedSize != 0 {
		s.WriteByte('\n')
	}
	return s.Bytes()
}

// nicCommands are ip(8) batch lines that name a guest's interfaces and set up
// those that are the lab's own.
func nicCommands(g Guest) string {
	var s strings.Builder
	for _, n := range g.NICs {
		fmt.Fprintf(&s, "link set dev %s name %s\n", n.Device, n.Name)
		for _, a := range n.Addresses {
			fmt.Fprintf(&s, "addr add %s dev %s", a, n.Name)
			if a.Addr().Is6() {
				s.WriteString(" nodad")
			}
			s.WriteByte('\n')
		}
		if len(n.Addresses) > 0 {
			fmt.Fprintf(&s, "link set dev %s up\n", n.Name)
		}
		if n.Gateway.IsValid() {
			fmt.Fprintf(&s, "route add default via %s dev %s\n", n.Gateway, n.Name)
		}
	}
	return s.String()
}

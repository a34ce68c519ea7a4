package view

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// Status prints a director's table and connections as ipvsadm -L -n and
// -L -n -c would, and between them what these leave out.
func (h *Human) Status(host string, s *wire.IPVSResponse) {
	h.printf("%s\n", h.paint(bold, host))
	if s.Table == "" {
		h.printf("no services: ip_vs is not loaded\n")
		return
	}
	h.Raw(s.Table)
	h.foreign(s.Services)
	if t := s.Timeouts; t != nil {
		h.printf("\nTimeouts: tcp %s, tcp_fin %s, udp %s\n", seconds(t.TCP), seconds(t.TCPFin), seconds(t.UDP))
	}
	for _, d := range s.Daemons {
		h.printf("%s\n", Clean(daemon(d)))
	}
	h.printf("\n")
	h.Raw(s.Listed)
	if s.Truncated {
		h.printf("(more than %d connections; the rest is not shown)\n", wire.MaxConns)
	}
}

// foreign lists what lvsup did not make: a service once, with all it has, else
// those of its backends that others put in.
func (h *Human) foreign(services []wire.IPVSService) {
	var lines []string
	for _, s := range services {
		if s.Foreign {
			lines = append(lines, fmt.Sprintf("%s, with %s", s.Key, Plural(len(s.Backends), "backend")))
			continue
		}
		for _, b := range s.Backends {
			if b.Foreign {
				lines = append(lines, s.Key+" -> "+net.JoinHostPort(b.Address, strconv.Itoa(int(b.Port))))
			}
		}
	}
	if len(lines) == 0 {
		return
	}
	h.printf("\n%s\n", h.paint(yellow, "Not lvsup's:"))
	for _, line := range lines {
		h.printf("  %s\n", Clean(line))
	}
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// daemon says what a sync daemon does, as far as the kernel tells.
func daemon(d wire.IPVSDaemon) string {
	text := fmt.Sprintf("Sync daemon: %s on %s, id %d", d.Role, d.Interface, d.ID)
	if d.Group != "" {
		text += fmt.Sprintf(", %s, ttl %d, messages of at most %d bytes", net.JoinHostPort(d.Group, strconv.Itoa(int(d.Port))), d.TTL, d.MaxLength)
	}
	return text
}

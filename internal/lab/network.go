package lab

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// netnsName is the network namespace of the lab with that name.
func netnsName(lab string) string { return "lvsup-" + lab }

// netnsPath is where ip-netns(8) keeps namespaces by name.
func netnsPath(netns string) string { return "/run/netns/" + netns }

// makeNetwork makes the lab's namespace, its bridges, and a TAP for each cable.
func makeNetwork(ctx context.Context, netns string, t Topology) error {
	if _, err := run(ctx, "", "ip", "netns", "add", netns); err != nil {
		return fmt.Errorf("cannot make the lab's network namespace: %w", err)
	}
	if _, err := run(ctx, networkCommands(t), "ip", "-n", netns, "-batch", "-"); err != nil {
		return fmt.Errorf("cannot make the lab's networks: %w", err)
	}
	return inNetns(netns, -1, func() error {
		for _, b := range t.Bridges {
			if b.Mgmt || len(b.Addresses) == 0 {
				continue
			}
			// The gateways of the plan are routers between its networks.
			setting := "/proc/sys/net/ipv4/conf/" + b.Name + "/forwarding"
			if err := os.WriteFile(setting, []byte("1"), 0o644); err != nil {
				return fmt.Errorf("cannot make %s forward: %w", b.Name, err)
			}
		}
		return nil
	})
}

// networkCommands are the ip(8) batch lines that build a lab's networks. A TAP
// exists before its guest does, and outlives it.
func networkCommands(t Topology) string {
	var s strings.Builder
	s.WriteString("link set dev lo up\n")
	for _, b := range t.Bridges {
		fmt.Fprintf(&s, "link add name %s type bridge stp_state 0 mcast_snooping 0\n", b.Name)
		for _, a := range b.Addresses {
			fmt.Fprintf(&s, "addr add %s dev %s", a, b.Name)
			if a.Addr().Is6() {
				s.WriteString(" nodad")
			}
			s.WriteByte('\n')
		}
		fmt.Fprintf(&s, "link set dev %s up\n", b.Name)
	}
	for _, g := range t.Guests {
		for _, n := range g.NICs {
			fmt.Fprintf(&s, "tuntap add dev %s mode tap\n", n.Tap)
			fmt.Fprintf(&s, "link set dev %s master %s up\n", n.Tap, n.Bridge)
		}
	}
	return s.String()
}

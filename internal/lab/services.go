package lab

import (
	"fmt"
	"os"
	"strings"
)

// startTimeServer serves the machine's clock by NTP to the guests, without
// touching it.
func startTimeServer(netns string, p paths) (Process, error) {
	if err := os.WriteFile(p.file("chronyd.conf"), []byte(timeServerConfig(p)), 0o600); err != nil {
		return Process{}, err
	}
	process, err := startDetached(netns, -1, p.file("chronyd.log"), "chronyd", "-x", "-d", "-u", "root", "-f", p.file("chronyd.conf"))
	if err != nil {
		return process, fmt.Errorf("cannot start the lab's time server: %w", err)
	}
	return process, nil
}

// timeServerConfig is for chrony.conf(5).
func timeServerConfig(p paths) string {
	return "local stratum 8\nallow\ncmdport 0\nbindcmdaddress /\npidfile " + p.file("chronyd.pid") + "\n"
}

// startDHCP answers DHCP on the bridges of an in-band lab.
func startDHCP(netns string, t Topology, p paths) (Process, error) {
	process, err := startDetached(netns, -1, p.file("dnsmasq.log"), "dnsmasq", dhcpArgs(t, p)...)
	if err != nil {
		return process, fmt.Errorf("cannot start the lab's DHCP server: %w", err)
	}
	return process, nil
}

// leaseTime is the shortest that dnsmasq gives. A DHCP client asks for it anew
// after half of it (RFC 2131, section 4.4.5).
const leaseTime = "2m"

// dhcpArgs is for dnsmasq(8): every guest gets the lease laid out for it, and
// nobody else gets any.
func dhcpArgs(t Topology, p paths) []string {
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--log-dhcp", "--log-facility=-",
		"--user=root", "--group=root", "--pid-file=" + p.file("dnsmasq.pid"), "--dhcp-leasefile=" + p.file("dnsmasq.leases"),
		"--bind-interfaces",
	}
	for _, b := range t.Bridges {
		if !b.DHCP {
			continue
		}
		args = append(args, "--interface="+b.Name,
			fmt.Sprintf("--dhcp-range=set:%s,%s,static,%s", b.Name, b.Network.Addr(), leaseTime))
		// A bridge with no gateway of the plan must not pose as a router.
		args = append(args, fmt.Sprintf("--dhcp-option=tag:%s,option:router", b.Name))
	}
	for _, g := range t.Guests {
		for _, n := range g.NICs {
			if n.Lease.IsValid() {
				args = append(args, "--dhcp-host="+strings.Join([]string{n.MAC, n.Lease.Addr().String()}, ","))
			}
		}
	}
	return args
}

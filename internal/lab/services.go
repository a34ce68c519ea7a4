package lab

import (
	"fmt"
	"net"
	"os"
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

// startDHCP answers DHCP on the bridges of an in-band lab, on each with a server of
// its own.
func startDHCP(netns string, t Topology, p paths) ([]Process, error) {
	var all []Process
	for _, b := range t.Bridges {
		if !b.DHCP {
			continue
		}
		conf := p.file("udhcpd-" + b.Name + ".conf")
		if err := os.WriteFile(conf, []byte(dhcpConfig(t, b, p)), 0o600); err != nil {
			return all, err
		}
		process, err := startDetached(netns, -1, p.file("udhcpd.log"), "busybox", "udhcpd", "-f", conf)
		if err != nil {
			return all, fmt.Errorf("cannot start the lab's DHCP server: %w", err)
		}
		all = append(all, process)
	}
	return all, nil
}

// leaseTime is how long a lease holds, in seconds. A DHCP client asks for it anew
// after half of it (RFC 2131, section 4.4.5).
const leaseTime = 60

// dhcpConfig is for udhcpd.conf(5): every guest gets the lease laid out for it, and
// nobody else gets any, since the whole pool is one of those.
func dhcpConfig(t Topology, b Bridge, p paths) string {
	pool, reserved := b.Addresses[0].Addr().String(), ""
	for _, g := range t.Guests {
		for _, n := range g.NICs {
			if n.Lease.IsValid() && n.Bridge == b.Name {
				pool = n.Lease.Addr().String()
				reserved += fmt.Sprintf("static_lease %s %s\n", n.MAC, pool)
			}
		}
	}
	file := p.file("udhcpd-" + b.Name)
	return fmt.Sprintf("interface %s\nstart %s\nend %s\nmax_leases 1\nopt lease %d\nopt subnet %s\nlease_file %s.leases\npidfile %s.pid\n%s",
		b.Name, pool, pool, leaseTime, net.IP(net.CIDRMask(b.Network.Bits(), 32)), file, file, reserved)
}

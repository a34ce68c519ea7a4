// Package address is the kind for static IP addresses, routes, MTUs and DNS: live
// in the kernel, and in the files of the stack that brings them up at boot.
//
// The values it manages, as IDs:
//
//	ens33.20 (device)               "vlan 20 on ens33"
//	bond0 (device)                  "bond active-backup of ens33 ens36, miimon 100"
//	ens33 (link)                    "up" or "down"
//	ens33 (mtu)                     "1400"
//	ens33 (192.168.140.10/24)       "present", or "leased" while it has a lifetime
//	ens33 (dhcp client)             "stopped", or the clients that run
//	ens33 (lease)                   "none", or what a client left: addresses, "via GATEWAY"
//	ens33 (ifstate)                 "up": what ifup(8) believes; only with ifupdown
//	default (gateway)               "192.168.140.2 dev ens33"
//	default (ipv6 gateway)          "fd00::1 dev ens33"
//	10.8.0.0/16 (route)             "192.168.140.2 dev ens33"; without a gateway "dev ens33"
//	10.8.0.0/16 (route, metric 10)  the same, of a route that the plan gives a metric
//	/etc/resolv.conf (content)      a file's whole text, and so for each boot file
//
// A change to the interface, address or route that carries the SSH session is
// guarded: a rollback brings the running network back, its leases and DHCP
// clients too, unless the new way is confirmed. The boot files wait for that.
package address

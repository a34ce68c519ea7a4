# Imported from input of ipvsadm: 7 services with 8 backends.
#
# What to do next:
# 1. Read the comments that begin with a line number: the plan does not do
#   what they say.
# 2. Give the director the name that ssh knows it by, here and on the command
#   line.
# 3. lvsup plan: as long as the table is the one that was imported, there is
#   only to adopt and to keep for the next boot.
# 4. lvsup apply, then take ipvsadm out of the boot: systemctl disable
#   ipvsadm, or the lines in rc.local.
# 5. To have lvsup see to the real servers too (VIP, ARP, tunnels), describe
#   them as real_server blocks, write host = real_server.NAME in the backends
#   and take keep_vip = false out.

cluster "imported" {
  forwarding = "dr"
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Services on firewall marks
virtual_service "fwmark-4294967295" {
  fwmark    = 4294967295
  scheduler = "wrr"
  persistence {
    timeout = "1m"
  }
  # Line 2: a weight above 65535 is cut to that: divide all weights of the
  #   service by the same number
  backend {
    address = "10.0.0.1"
    weight  = 65535
  }
}

virtual_service "fwmark-16-ipv6" {
  fwmark          = 16
  family          = "ipv6"
  scheduler       = "mh"
  scheduler_flags = ["mh-fallback", "mh-port"]
  forwarding      = "tun"
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "remote"
  }
  backend {
    address = "2001:db8::1"
  }
}

# Services on 192.0.2.1
virtual_service "sip-udp" {
  address    = "192.0.2.1"
  port       = 5060
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "rr"
  forwarding = "nat"
  persistence {
    timeout = "1m"
    engine  = "sip"
  }
  # Line 6: a lower threshold above the upper one is refused by the kernel:
  #   left out
  backend {
    address         = "10.0.0.1"
    upper_threshold = 10
  }
}

# Line 7: netmask 255.255.0.255 has holes, which a plan cannot say: each
#   client counts on its own
virtual_service "all" {
  address   = "192.0.2.1"
  port      = 0
  keep_vip  = false
  scheduler = "rr"
  persistence {
    timeout = "6m"
  }
  backend {
    address = "10.0.0.1"
  }
  # Line 9: port 8080 is never used here, clients' packets keep their own, so
  #   the plan leaves it out; that is another entry to the kernel: take the old
  #   one out by hand
  backend {
    address    = "10.0.0.2"
    forwarding = "nat"
  }
}

virtual_service "sctp-3868" {
  address   = "192.0.2.1"
  port      = 3868
  protocol  = "sctp"
  keep_vip  = false
  scheduler = "sed"
  backend {
    address = "10.0.0.1"
  }
  # Line 12: port 3869 of a real server counts only with -m: it gets the
  #   service's
  backend {
    address = "10.0.0.2"
  }
  backend {
    address    = "2001:db8::5"
    forwarding = "tun"
  }
  # Line 14: real server [2001:db8::6]:3868 is left out: IPv4 and IPv6 mix
  #   with tunnels only
}

# Line 17: scheduler "homegrown" is not one of Linux: the plan takes wlc;
#   change it to one of rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf,
#   mh, twos
virtual_service "tcp-81" {
  address  = "192.0.2.1"
  port     = 81
  keep_vip = false
  # Line 18: real server 192.0.2.1:81 is left out, a plan cannot say it:
  #   Backend 192.0.2.1 is the VIP itself
}

virtual_service "tcp-82" {
  address  = "192.0.2.1"
  port     = 82
  keep_vip = false
}

# Line 15: service tcp 127.0.0.1:80 is left out, a plan cannot say it: VIP
#   127.0.0.1 is a loopback address

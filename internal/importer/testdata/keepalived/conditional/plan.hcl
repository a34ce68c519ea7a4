# Imported from input of keepalived: 3 services with 5 backends.
#
# What to do next:
# 1. Read the comments that begin with a line number: the plan does not do
#   what they say.
# 2. Give the director the name that ssh knows it by, here and on the command
#   line.
# 3. lvsup plan: as long as the table is the one that was imported, there is
#   only to adopt and to keep for the next boot.
# 4. lvsup apply, then take the virtual servers out of keepalived.conf and
#   reload it. It removes its services as it lets go of them: lvsup apply at
#   once puts them back.
# 5. To have lvsup see to the real servers too (VIP, ARP, tunnels), describe
#   them as real_server blocks, write host = real_server.NAME in the backends
#   and take keep_vip = false out.

cluster "imported" {
  forwarding = "tun"
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Services on firewall marks
# Line 3: virtual_server fwmark 5
# Line 10: hashed is left out: the kernel sets it itself
# Lines 12, 16: port 53 counts only with NAT: keepalived clears it, and so
#   does the plan
virtual_service "fwmark-5-ipv6" {
  fwmark     = 5
  family     = "ipv6"
  one_packet = true
  persistence {
    timeout       = "6m"
    prefix_length = 64
    engine        = "sip"
  }
  tunnel {
    type     = "gre"
    checksum = "full"
  }
  # Line 14: inhibit_on_failure is not carried over: lvsup does not watch real
  #   servers; weight = 0 is how to do it by hand
  backend {
    address = "2001:db8::1"
    weight  = 4
  }
  backend {
    address = "10.0.0.1"
    weight  = 4
    tunnel {
      type = "ipip"
    }
  }
}

# Line 23: virtual_server fwmark 6
# Lines 25, 26: port 25 counts only with NAT: keepalived clears it, and so
#   does the plan
virtual_service "fwmark-6-ipv6" {
  fwmark     = 6
  family     = "ipv6"
  forwarding = "dr"
  backend {
    address = "2001:db8::1"
  }
  backend {
    address    = "10.0.0.2"
    forwarding = "tun"
  }
}

# Line 18: virtual_server 192.0.2.50 25
# Line 18: a mask of 64 bits is none of IPv4: each client counts on its own
# Line 20: cannot make sense of "please" behind protocol: left out, as
#   keepalived does
virtual_service "smtp" {
  address    = "192.0.2.50"
  port       = 25
  keep_vip   = false
  forwarding = "nat"
  persistence {
    timeout = "6m"
  }
  # Line 21: cannot make sense of "alpha" behind weight: left out, as
  #   keepalived does
  backend {
    address = "10.0.0.1"
    weight  = 3
  }
}

# Lines 1, 2: lines that hold for one host only are left out: name the host
#   with --config-id
# Line 30: service tcp 127.0.0.1:80 is left out, a plan cannot say it: VIP
#   127.0.0.1 is a loopback address
# Line 32: quorum, alpha, omega and the like are not carried over: lvsup does
#   not count which real servers are up
# Line 34: health check TCP_CHECK is not carried over: lvsup does not watch
#   real servers; take a dead one out with weight = 0

# Imported from input of keepalived: 13 services with 28 backends.
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

ipvs {
  timeouts {
    tcp     = "15m1s"
    tcp_fin = "31s"
    udp     = "5m1s"
  }
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Line 12: virtual_server 192.0.2.1 80
# Line 13: settings of health checks are not carried over
virtual_service "http-192.0.2.1" {
  address    = "192.0.2.1"
  port       = 80
  keep_vip   = false
  forwarding = "nat"
  backend {
    address = "10.0.0.1"
  }
  backend {
    address         = "10.0.0.2"
    port            = 8080
    weight          = 3
    upper_threshold = 100
    lower_threshold = 50
  }
}

# Line 24: virtual_server 192.0.2.2 53
# Line 24: the virtual server names no protocol, which keepalived takes for
#   UDP, and so does the plan: if TCP was meant, take protocol out
virtual_service "dns-udp" {
  address    = "192.0.2.2"
  port       = 53
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "rr"
  one_packet = true
  forwarding = "dr"
  backend {
    address = "10.0.0.1"
    weight  = 2
  }
}

# Line 30: virtual_server 192.0.2.3 80
virtual_service "http-192.0.2.3" {
  address         = "192.0.2.3"
  port            = 80
  keep_vip        = false
  scheduler       = "sh"
  scheduler_flags = ["sh-fallback", "sh-port"]
  forwarding      = "dr"
  persistence {
    timeout       = "6m"
    prefix_length = 24
  }
  backend {
    address = "10.0.0.1"
  }
  # Line 39: port 8080 counts only with NAT: the real server gets the
  #   service's
  backend {
    address = "10.0.0.2"
  }
  backend {
    address    = "10.0.0.3"
    forwarding = "nat"
  }
}

# Line 42: virtual_server group MIX, tcp 192.0.2.60:25
virtual_service "MIX-smtp" {
  address         = "192.0.2.60"
  port            = 25
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  # Line 47: port 587 counts only with NAT: the real server gets the service's
  backend {
    address = "10.0.0.4"
  }
  backend {
    address    = "10.0.0.5"
    port       = 587
    weight     = 0
    forwarding = "nat"
  }
  # Line 52: port 587 counts only with NAT: the real server gets the service's
  backend {
    address = "10.0.0.6"
    tunnel {
      type = "ipip"
    }
  }
}

# Line 42: virtual_server group MIX, tcp 192.0.2.61:587
virtual_service "MIX-submission-192.0.2.61" {
  address         = "192.0.2.61"
  port            = 587
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  backend {
    address = "10.0.0.4"
  }
  backend {
    address    = "10.0.0.5"
    weight     = 0
    forwarding = "nat"
  }
  backend {
    address = "10.0.0.6"
    tunnel {
      type = "ipip"
    }
  }
}

# Line 42: virtual_server group MIX, tcp 192.0.2.62:587
virtual_service "MIX-submission-192.0.2.62" {
  address         = "192.0.2.62"
  port            = 587
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  backend {
    address = "10.0.0.4"
  }
  backend {
    address    = "10.0.0.5"
    weight     = 0
    forwarding = "nat"
  }
  backend {
    address = "10.0.0.6"
    tunnel {
      type = "ipip"
    }
  }
}

# Line 42: virtual_server group MIX, tcp 192.0.2.63:587
virtual_service "MIX-submission-192.0.2.63" {
  address         = "192.0.2.63"
  port            = 587
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  backend {
    address = "10.0.0.4"
  }
  backend {
    address    = "10.0.0.5"
    weight     = 0
    forwarding = "nat"
  }
  backend {
    address = "10.0.0.6"
    tunnel {
      type = "ipip"
    }
  }
}

# Services on firewall marks
# Line 42: virtual_server group MIX, firewall mark 9
virtual_service "MIX-fwmark-9" {
  fwmark          = 9
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  # Line 47: port 587 counts only with NAT: keepalived clears it, and so does
  #   the plan
  backend {
    address = "10.0.0.4"
  }
  backend {
    address    = "10.0.0.5"
    port       = 587
    weight     = 0
    forwarding = "nat"
  }
  # Line 52: port 587 counts only with NAT: keepalived clears it, and so does
  #   the plan
  backend {
    address = "10.0.0.6"
    tunnel {
      type = "ipip"
    }
  }
}

# Line 56: virtual_server fwmark 5
virtual_service "fwmark-5-ipv6" {
  fwmark     = 5
  family     = "ipv6"
  forwarding = "dr"
  persistence {
    timeout       = "6m"
    prefix_length = 64
  }
  # Line 59: port 80 counts only with NAT: keepalived clears it, and so does
  #   the plan
  backend {
    address = "2001:db8::1"
    weight  = 4
  }
  backend {
    address    = "10.0.0.9"
    forwarding = "tun"
    tunnel {
      type     = "gre"
      checksum = "full"
    }
  }
}

# Line 62: virtual_server fwmark 6
virtual_service "fwmark-6" {
  fwmark     = 6
  scheduler  = "wrr"
  forwarding = "nat"
  backend {
    address = "10.0.0.9"
    port    = 8000
  }
  backend {
    address = "10.0.0.8"
  }
}

# Line 67: virtual_server 192.0.2.4 0
# Line 67: a service on every port must be persistent: it gets 360 s, as
#   keepalived does
virtual_service "all-udp" {
  address    = "192.0.2.4"
  port       = 0
  protocol   = "udp"
  keep_vip   = false
  forwarding = "dr"
  persistence {
    timeout = "6m"
    engine  = "sip"
  }
  backend {
    address = "10.0.0.1"
  }
}

# Line 73: virtual_server 2001:db8::50 443
virtual_service "https-sctp" {
  address    = "2001:db8::50"
  port       = 443
  protocol   = "sctp"
  keep_vip   = false
  scheduler  = "nq"
  forwarding = "nat"
  backend {
    address = "2001:db8::51"
  }
}

# Line 78: virtual_server 192.0.2.5 81
virtual_service "tcp-81" {
  address    = "192.0.2.5"
  port       = 81
  keep_vip   = false
  forwarding = "nat"
  backend {
    address = "10.0.0.1"
    weight  = 7
  }
  # Line 82: real server 10.0.0.1:81 is left out: the service has it already
}

# Line 3: router_id is for keepalived itself: left out
# Line 84: virtual_server 192.0.2.6 82 has no real servers: left out, as
#   keepalived does

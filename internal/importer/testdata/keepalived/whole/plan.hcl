# Imported from input of keepalived: 6 services with 11 backends.
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

# Line 9: keepalived turns the sync daemon between master and backup as VRRP
#   goes; the plan keeps it backup: take the sync block out if keepalived goes
#   on with VRRP
ipvs {
  timeouts {
    tcp     = "15m"
    tcp_fin = "30s"
    udp     = "5m"
  }
  sync {
    role       = "backup"
    interface  = "eth1"
    id         = 51
    max_length = 1472
  }
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Line 28: virtual_server 10.1.0.100 80
# Line 29: settings of health checks are not carried over
# Line 35: sorry_server 10.1.0.9 80 is not carried over: nothing puts it in
#   when all real servers are down
# Lines 38, 43: health check TCP_CHECK is not carried over: lvsup does not
#   watch real servers; take a dead one out with weight = 0
virtual_service "http" {
  address    = "10.1.0.100"
  port       = 80
  keep_vip   = false
  scheduler  = "wrr"
  forwarding = "dr"
  persistence {
    timeout       = "50s"
    prefix_length = 24
  }
  backend {
    address = "10.1.0.11"
    weight  = 3
  }
  backend {
    address         = "10.1.0.12"
    upper_threshold = 100
    lower_threshold = 80
  }
}

# Line 48: virtual_server group pool, tcp 10.1.0.101:8080
# Line 53: quorum, alpha, omega and the like are not carried over: lvsup does
#   not count which real servers are up
virtual_service "pool-tcp-8080-10.1.0.101" {
  address         = "10.1.0.101"
  port            = 8080
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  # Line 55: health check HTTP_GET is not carried over: lvsup does not watch
  #   real servers; take a dead one out with weight = 0
  # Line 56: scripts that are told of changes are not carried over: lvsup runs
  #   none
  backend {
    address = "10.1.0.21"
  }
  backend {
    address    = "10.1.0.22"
    weight     = 0
    forwarding = "nat"
  }
}

# Line 48: virtual_server group pool, tcp 10.1.0.102:8080
virtual_service "pool-tcp-8080-10.1.0.102" {
  address         = "10.1.0.102"
  port            = 8080
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  backend {
    address = "10.1.0.21"
  }
  backend {
    address    = "10.1.0.22"
    weight     = 0
    forwarding = "nat"
  }
}

# Line 48: virtual_server group pool, tcp 10.1.0.103:8080
virtual_service "pool-tcp-8080-10.1.0.103" {
  address         = "10.1.0.103"
  port            = 8080
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  backend {
    address = "10.1.0.21"
  }
  backend {
    address    = "10.1.0.22"
    weight     = 0
    forwarding = "nat"
  }
}

# Line 48: virtual_server group pool, firewall mark 7
virtual_service "pool-fwmark-7" {
  fwmark          = 7
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "full"
  }
  # Line 54: port 8080 counts only with NAT: keepalived clears it, and so does
  #   the plan
  backend {
    address = "10.1.0.21"
  }
  backend {
    address    = "10.1.0.22"
    port       = 8080
    weight     = 0
    forwarding = "nat"
  }
}

# Line 63: virtual_server 10.1.0.110 53
# Line 63: the virtual server names no protocol, which keepalived takes for
#   UDP, and so does the plan: if TCP was meant, take protocol out
virtual_service "dns-udp" {
  address    = "10.1.0.110"
  port       = 53
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "rr"
  one_packet = true
  forwarding = "nat"
  backend {
    address = "10.1.0.31"
  }
}

# Line 4: mail is not carried over: run lvsup drift from cron to be told of
#   differences
# Line 7: router_id is for keepalived itself: left out
# Line 10: VRRP is not carried over: let keepalived move the addresses, and
#   lvsup the table
# Line 11: unknown keyword "frobnicate": left out
# Line 13: VRRP instance VI_1 with 10.1.0.100/24, 10.1.0.101 is not carried
#   over: keepalived keeps moving the addresses (keep_vip = false leaves them
#   alone)

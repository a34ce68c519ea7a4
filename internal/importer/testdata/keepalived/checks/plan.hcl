# Imported from input of keepalived: 7 services with 8 backends.
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
  forwarding = "dr"
}

# Line 17: lvs_flush: lvsup flushes nothing; to have it remove what the plan
#   does not name, write exclusive = true into an ipvs block
# Line 18: keepalived turns the sync daemon between master and backup as VRRP
#   goes; the plan keeps it master: take the sync block out if keepalived goes
#   on with VRRP
ipvs {
  sync {
    role      = "master"
    interface = "bond0.12"
    id        = 9
    group     = "239.0.0.9"
    port      = 8849
    ttl       = 4
  }
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Services on 192.0.2.60
# Line 76: virtual_server group MAIL, tcp 192.0.2.60:25
# Lines 77, 87: settings of health checks are not carried over
# Lines 81, 82, 83, 84: quorum, alpha, omega and the like are not carried
#   over: lvsup does not count which real servers are up
# Lines 85, 86: scripts that are told of changes are not carried over: lvsup
#   runs none
virtual_service "MAIL-smtp-192.0.2.60" {
  address   = "192.0.2.60"
  port      = 25
  keep_vip  = false
  scheduler = "lblc"
  # Line 89: inhibit_on_failure is not carried over: lvsup does not watch real
  #   servers; weight = 0 is how to do it by hand
  # Line 90: health check SMTP_CHECK is not carried over: lvsup does not watch
  #   real servers; take a dead one out with weight = 0
  backend {
    address = "192.0.2.71"
  }
  # Line 96: real server [2001:db8:60::71]:25 is left out: IPv4 and IPv6 mix
  #   with tunnels only
  # Line 97: health check MISC_CHECK is not carried over: lvsup does not watch
  #   real servers; take a dead one out with weight = 0
}

# Line 76: virtual_server group MAIL, tcp 192.0.2.60:587
virtual_service "MAIL-submission" {
  address   = "192.0.2.60"
  port      = 587
  keep_vip  = false
  scheduler = "lblc"
  backend {
    address = "192.0.2.71"
  }
  # Line 96: port 25 counts only with NAT: the real server gets the service's
  # Line 96: real server [2001:db8:60::71]:587 is left out: IPv4 and IPv6 mix
  #   with tunnels only
}

# Line 76: virtual_server group MAIL, tcp [2001:db8:60::1]:25
virtual_service "MAIL-smtp-2001-db8-60--1" {
  address   = "2001:db8:60::1"
  port      = 25
  keep_vip  = false
  scheduler = "lblc"
  backend {
    address = "2001:db8:60::71"
  }
  # Line 88: real server 192.0.2.71:25 is left out: IPv4 and IPv6 mix with
  #   tunnels only
}

# Line 76: virtual_server group MAIL, tcp [2001:db8:60::2]:25
virtual_service "MAIL-smtp-2001-db8-60--2" {
  address   = "2001:db8:60::2"
  port      = 25
  keep_vip  = false
  scheduler = "lblc"
  backend {
    address = "2001:db8:60::71"
  }
  # Line 88: real server 192.0.2.71:25 is left out: IPv4 and IPv6 mix with
  #   tunnels only
}

# Line 76: virtual_server group MAIL, tcp [2001:db8:60::3]:25
virtual_service "MAIL-smtp-2001-db8-60--3" {
  address   = "2001:db8:60::3"
  port      = 25
  keep_vip  = false
  scheduler = "lblc"
  backend {
    address = "2001:db8:60::71"
  }
  # Line 88: real server 192.0.2.71:25 is left out: IPv4 and IPv6 mix with
  #   tunnels only
}

# Line 103: virtual_server 192.0.2.61 443
# Line 108: quorum, alpha, omega and the like are not carried over: lvsup does
#   not count which real servers are up
# Line 109: settings of health checks are not carried over
# Line 110: sorry_server 127.0.0.1 8443 is not carried over: nothing puts it
#   in when all real servers are down
virtual_service "https" {
  address    = "192.0.2.61"
  port       = 443
  keep_vip   = false
  forwarding = "nat"
  persistence {
    timeout = "6m"
  }
  # Line 114: health check SSL_GET is not carried over: lvsup does not watch
  #   real servers; take a dead one out with weight = 0
  # Line 122: scripts that are told of changes are not carried over: lvsup
  #   runs none
  backend {
    address = "10.60.0.1"
    port    = 8443
    weight  = 100
  }
  # Line 124: a weight above 65535 is cut to that: divide all weights of the
  #   service by the same number
  # Line 124: a lower threshold above the upper one is refused by the kernel:
  #   left out
  # Line 128: health check DNS_CHECK is not carried over: lvsup does not watch
  #   real servers; take a dead one out with weight = 0
  backend {
    address         = "10.60.0.2"
    port            = 8443
    weight          = 65535
    upper_threshold = 500
  }
  # Line 130: real server 10.60.0.2:8443 is left out: the service has it
  #   already
}

# Line 135: virtual_server 192.0.2.62 0
# Line 135: a service on every port must be persistent: it gets 360 s, as
#   keepalived does
virtual_service "all-udp" {
  address  = "192.0.2.62"
  port     = 0
  protocol = "udp"
  keep_vip = false
  persistence {
    timeout = "6m"
  }
  # Line 138: health check PING_CHECK is not carried over: lvsup does not
  #   watch real servers; take a dead one out with weight = 0
  backend {
    address = "192.0.2.71"
  }
}

# Lines 5, 9, 10, 11: mail is not carried over: run lvsup drift from cron to
#   be told of differences
# Line 12: router_id is for keepalived itself: left out
# Lines 13, 14: scripts that are told of changes are not carried over: lvsup
#   runs none
# Line 15: checker_priority is for keepalived itself: left out
# Lines 16, 30, 35: VRRP is not carried over: let keepalived move the
#   addresses, and lvsup the table
# Line 21: settings of health checks are not carried over
# Line 26: static_routes is not carried over: write addresses into the
#   director's interface blocks, or leave them with keepalived
# Line 42: VRRP instance VI_MAIL with 192.0.2.60/27, 192.0.2.61/27,
#   192.0.2.62/27, 2001:db8:60::1/64, 2001:db8:60::2/64, 2001:db8:60::3/64 and 1
#   more is not carried over: keepalived keeps moving the addresses (keep_vip =
#   false leaves them alone)
# Line 72: virtual_server_group UNUSED is used by no virtual_server: left out
# Line 141: virtual_server 192.0.2.62 8080 has no real servers: left out, as
#   keepalived does

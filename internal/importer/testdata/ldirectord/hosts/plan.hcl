# Imported from input of ldirectord: 3 services with 5 backends.
#
# What to do next:
# 1. Read the comments that begin with a line number: the plan does not do
#   what they say.
# 2. Give the director the name that ssh knows it by, here and on the command
#   line.
# 3. lvsup plan: as long as the table is the one that was imported, there is
#   only to adopt and to keep for the next boot.
# 4. lvsup apply, then set cleanstop = no, have ldirectord read that, stop and
#   disable it. Without cleanstop = no it takes its services with it, and lvsup
#   apply puts them back.
# 5. To have lvsup see to the real servers too (VIP, ARP, tunnels), describe
#   them as real_server blocks, write host = real_server.NAME in the backends
#   and take keep_vip = false out.

cluster "imported" {
  forwarding = "dr"
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Line 9: virtual = vip.example.com:http
# Line 9: vip.example.com is 192.0.2.10 today: the plan keeps the address
# Line 14: quiescent is not carried over: lvsup takes no real server out by
#   itself
# Lines 15, 16: health checks are not carried over: lvsup does not watch real
#   servers; take a dead one out with weight = 0
# Line 17: scripts that are told of changes are not carried over: lvsup runs
#   none
# Line 18: unknown directive "netmsk": left out
virtual_service "http" {
  address    = "192.0.2.10"
  port       = 80
  keep_vip   = false
  forwarding = "nat"
  persistence {
    timeout = "10m"
  }
  backend {
    address = "10.0.0.11"
    weight  = 10
  }
  # Line 11: health checks are not carried over: lvsup does not watch real
  #   servers; take a dead one out with weight = 0
  backend {
    address = "10.0.0.12"
    port    = 8080
  }
  # Line 11: health checks are not carried over: lvsup does not watch real
  #   servers; take a dead one out with weight = 0
  backend {
    address = "10.0.0.13"
    port    = 8080
  }
}

# Line 20: virtual = 192.0.2.20:domain # names
# Line 23: checktype = off keeps the real servers out of ldirectord's table;
#   the plan has them in: give them weight = 0 to have them get nothing
virtual_service "dns-udp" {
  address    = "192.0.2.20"
  port       = 53
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "wrr"
  one_packet = true
  backend {
    address = "10.0.0.11"
    weight  = 0
  }
}

# Line 25: virtual = 7 web farm
# Line 25: cannot make sense of "web farm" behind the virtual: left out, as
#   ldirectord does
virtual_service "fwmark-7" {
  fwmark    = 7
  scheduler = "wrr"
  backend {
    address = "10.0.0.11"
  }
}

# Line 2: settings of health checks are not carried over
# Line 3: logfile is for ldirectord itself: left out
# Line 4: mail is not carried over: run lvsup drift from cron to be told of
#   differences
# Line 5: supervised is for ldirectord itself: left out
# Line 6: cannot make sense of "bogus", which is not NAME = VALUE: left out
# Line 7: unknown directive "typo": left out

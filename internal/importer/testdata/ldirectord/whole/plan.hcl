# Imported from input of ldirectord: 3 services with 6 backends.
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

# Line 7: virtual = 192.168.6.240:80
# Line 10: fallback 127.0.0.1:80 is not carried over: nothing puts it in when
#   all real servers are down
# Lines 11, 16: health checks are not carried over: lvsup does not watch real
#   servers; take a dead one out with weight = 0
# Line 14: a netmask without persistence does nothing: left out
virtual_service "http" {
  address   = "192.168.6.240"
  port      = 80
  keep_vip  = false
  scheduler = "rr"
  backend {
    address = "192.168.6.2"
    weight  = 5
  }
  backend {
    address = "192.168.6.3"
    weight  = 5
  }
  backend {
    address = "192.168.6.4"
    weight  = 5
  }
  # Line 9: health checks are not carried over: lvsup does not watch real
  #   servers; take a dead one out with weight = 0
  backend {
    address    = "192.168.6.6"
    port       = 8080
    weight     = 2
    forwarding = "nat"
  }
}

# Line 17: virtual = 1
virtual_service "fwmark-1" {
  fwmark    = 1
  scheduler = "wrr"
  persistence {
    timeout       = "5m"
    prefix_length = 24
  }
  backend {
    address = "192.168.6.2"
  }
}

# Line 22: virtual6 = [2001:db8::10]:53
virtual_service "dns-udp" {
  address    = "2001:db8::10"
  port       = 53
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "wrr"
  one_packet = true
  forwarding = "tun"
  backend {
    address = "2001:db8::2"
  }
}

# Lines 1, 2: settings of health checks are not carried over
# Line 3: fallback 127.0.0.1:80 gate is not carried over: nothing puts it in
#   when all real servers are down
# Line 4: autoreload is for ldirectord itself: left out
# Line 5: quiescent is not carried over: lvsup takes no real server out by
#   itself

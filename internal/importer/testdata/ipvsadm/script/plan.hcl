# Imported from input of ipvsadm: 3 services with 4 backends.
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
  forwarding = "nat"
}

ipvs {
  timeouts {
    tcp     = "2h"
    tcp_fin = "2m"
    udp     = "5m"
  }
  sync {
    role       = "master"
    interface  = "eth1"
    id         = 7
    group      = "224.0.0.90"
    port       = 8900
    ttl        = 2
    max_length = 1400
  }
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
# Line 7: kernel parameters are not carried over: write them into the
#   director's sysctl map
director "director" {
}

virtual_service "http" {
  address   = "192.0.2.10"
  port      = 80
  keep_vip  = false
  scheduler = "rr"
  persistence {
    timeout = "6m"
  }
  backend {
    address = "10.0.0.11"
    port    = 8080
    weight  = 2
  }
  # Line 14: app2 is 10.0.0.12 today: the plan keeps the address
  backend {
    address         = "10.0.0.12"
    port            = 8080
    weight          = 3
    upper_threshold = 1000
    lower_threshold = 800
  }
}

virtual_service "https" {
  address         = "192.0.2.10"
  port            = 443
  keep_vip        = false
  scheduler       = "sh"
  scheduler_flags = ["sh-fallback", "sh-port"]
  forwarding      = "dr"
  backend {
    address = "10.0.0.11"
  }
}

virtual_service "dns-udp" {
  address    = "192.0.2.10"
  port       = 53
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "rr"
  one_packet = true
  forwarding = "tun"
  tunnel {
    type     = "gre"
    checksum = "full"
  }
  # Line 17: app3 is 10.0.0.13 today: the plan keeps the address
  backend {
    address = "10.0.0.13"
  }
}

# Lines 6, 9: shell commands other than ipvsadm are not carried over
# Line 8: addresses and routes are not carried over: keep what sets them, or
#   describe the director's interfaces in the plan and take keep_vip out
# Line 19: ipvsadm --list sets nothing up: left out

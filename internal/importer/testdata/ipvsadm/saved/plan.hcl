# Imported from input of ipvsadm: 5 services with 8 backends.
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

# Note: ipvsadm -S does not save thresholds, timeouts and sync daemons.
#   Thresholds that the plan does not name are removed; the others are left
#   alone. lvsup reads them all: lvsup export ipvsadm PLAN | lvsup import
#   ipvsadm, where PLAN has this cluster and director block and no more

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Services on 192.168.140.100
virtual_service "http" {
  address   = "192.168.140.100"
  port      = 80
  keep_vip  = false
  scheduler = "wrr"
  persistence {
    timeout       = "10m"
    prefix_length = 24
  }
  backend {
    address = "192.168.140.20"
    weight  = 3
  }
  backend {
    address = "192.168.140.30"
  }
}

virtual_service "dns-udp" {
  address    = "192.168.140.100"
  port       = 53
  protocol   = "udp"
  keep_vip   = false
  scheduler  = "rr"
  one_packet = true
  forwarding = "nat"
  backend {
    address = "192.168.140.20"
  }
  backend {
    address = "192.168.140.30"
    port    = 5353
  }
}

# Services on firewall marks
virtual_service "fwmark-1" {
  fwmark          = 1
  scheduler       = "sh"
  scheduler_flags = ["sh-fallback", "sh-port"]
  backend {
    address = "192.168.140.20"
  }
}

virtual_service "fwmark-2-ipv6" {
  fwmark          = 2
  family          = "ipv6"
  scheduler       = "mh"
  scheduler_flags = ["mh-port"]
  backend {
    address = "2001:db8::20"
  }
}

virtual_service "https" {
  address    = "2001:db8::100"
  port       = 443
  keep_vip   = false
  forwarding = "tun"
  tunnel {
    type = "gue"
    port = 6080
  }
  backend {
    address = "2001:db8::20"
  }
  backend {
    address = "192.168.140.20"
    tunnel {
      type = "ipip"
    }
  }
}

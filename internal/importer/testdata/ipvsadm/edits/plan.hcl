# Imported from input of ipvsadm: 1 service with 2 backends.
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

# Line 15: the sync daemon names no interface: ipvsadm takes eth0, and so does
#   the plan
# Note: a timeout of 2678400 s is longer than the 596 hours that every kernel
#   takes: cut to these
ipvs {
  timeouts {
    tcp = "596h"
  }
  sync {
    role      = "backup"
    interface = "eth0"
    id        = 3
  }
}

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# Line 11: tcp 192.0.2.1:80 is there already: ipvsadm refuses the second -A,
#   which is left out
# Line 13: there is no real server 10.0.0.7:80 to delete here: ipvsadm refuses
#   this
virtual_service "http" {
  address  = "192.0.2.1"
  port     = 80
  keep_vip = false
  persistence {
    timeout       = "2m"
    prefix_length = 24
  }
  # Line 12: the real server is there already: ipvsadm refuses the second -a,
  #   which is left out
  backend {
    address = "10.0.0.1"
  }
  backend {
    address = "10.0.0.2"
    weight  = 5
  }
}

# Line 10: ipvsadm --zero sets nothing up: left out
# Line 14: there is no service udp 192.0.2.9:53 to delete here: ipvsadm
#   refuses this

# Imported from input of keepalived: 1 service with 2 backends.
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

# Line 3: virtual_server fwmark 5
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

# Lines 1, 2: lines that hold for one host only are left out: name the host
#   with --config-id

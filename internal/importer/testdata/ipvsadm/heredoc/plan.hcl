# Imported from input of ipvsadm: 1 service with 1 backend.
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

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

virtual_service "http" {
  address   = "192.0.2.1"
  port      = 80
  keep_vip  = false
  scheduler = "lblcr"
  backend {
    address = "10.0.0.1"
  }
}

# Line 1: rules that ipvsadm -R reads from another file are not seen here:
#   import that file

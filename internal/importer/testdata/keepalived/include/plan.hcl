# Imported from input of keepalived: 1 service with 1 backend.
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

# Interfaces are left alone: add interface blocks to have lvsup set them up.
director "director" {
}

# vs_a.conf:1: virtual_server 192.0.2.1 80
virtual_service "http" {
  address  = "192.0.2.1"
  port     = 80
  keep_vip = false
  # vs_a.conf:7: unknown keyword "typo": left out
  backend {
    address = "10.0.0.1"
    weight  = 2
  }
}

# Line 2: there is no file "services/*.conf" to include
# Line 3: there is no file "missing.conf" to include

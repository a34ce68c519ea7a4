# A load-balanced cluster in DR mode (direct routing).
#
#                         VMnet8, 192.168.140.0/24, gateway .2
#
#   client ------+------------------+---------------------+
#                |                  |                     |
#         master .10          node1 .20             node2 .30
#         VIP .100 on lo      VIP .100 on lo        VIP .100 on lo
#                             (silent: no ARP)      (silent: no ARP)
#
# The client talks to the VIP. Only the director answers ARP for it. It hands
# each request to a real server by changing nothing but the destination MAC
# address, and the real server, which has the VIP too, answers the client
# directly. From that follow the rules that lvsup checks or brings about:
#
#   - the real servers and the director share one network;
#   - every real server has the VIP, as a /32 on lo;
#   - before it has, arp_ignore and arp_announce keep it from telling anyone:
#     lvsup sets them by itself, in that order;
#   - a backend listens on the port of the service.
#
# Try it in the lab, or on three machines of your own:
#
#   lvsup plan  plans/examples/dr.hcl
#   lvsup apply plans/examples/dr.hcl

cluster "dr" {
  forwarding = "dr" # ipvsadm -g
}

# lvsup logs in to each host under its name in this plan; ~/.ssh/config (or the
# file given with -F) says how to reach it.
connection {
  user = "root"
}

# If the clocks of the hosts are further apart than this, lvsup stops before it
# changes anything: clocks that disagree are how a split brain begins.
time_sync {
  max_offset = "500ms"
}

# A first cluster is easier to understand with nothing in the way. Elsewhere,
# prefer "open" (let the needed ports through) or leave these two blocks out
# (lvsup then only says what would be in the way).
firewall {
  policy = "disabled"
}

selinux {
  policy = "disabled"
}

# What the three hosts have in common.
locals {
  gateway = "192.168.140.2"
  dns     = ["114.114.114.114", "8.8.8.8"]
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
    gateway = local.gateway
    dns     = local.dns

    # Further keys of /etc/sysconfig/network-scripts/ifcfg-ens33, on hosts that
    # have such files; elsewhere they mean nothing. lvsup writes the others
    # (TYPE, DEVICE, IPADDR, ...) itself. A UUID belongs to one machine, so none
    # is written here: the one that is in the file already stays.
    ifcfg = {
      BROWSER_ONLY = "no"
      ETHTOOL_OPTS = "autoneg on"
    }
  }

  # lvsup speaks to IPVS in the kernel without it; it is here for you to look
  # at the table with ipvsadm -L -n.
  packages = ["ipvsadm"]
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.140.20/24"
    gateway = local.gateway
    dns     = local.dns
    ifcfg = {
      ETHTOOL_OPTS = "autoneg on"
    }
  }

  # A page of its own for each real server shows which of them has answered.
  httpd {
    index = "<h1>This is 192.168.140.20!</h1>"
  }
}

real_server "node2" {
  interface "ens33" {
    address = "192.168.140.30/24"
    gateway = local.gateway
    dns     = local.dns
    ifcfg = {
      ETHTOOL_OPTS = "autoneg on"
    }
  }

  httpd {
    index = "<h1>This is 192.168.140.30!</h1>"
  }
}

# ipvsadm -A -t 192.168.140.100:80 -s rr
virtual_service "web" {
  address   = "192.168.140.100"
  port      = 80
  protocol  = "tcp"
  scheduler = "rr" # each real server in turn

  # ipvsadm -a -t 192.168.140.100:80 -r 192.168.140.20:80 -g
  backend {
    host = real_server.node1
  }

  # ipvsadm -a -t 192.168.140.100:80 -r 192.168.140.30:80 -g
  backend {
    host = real_server.node2
  }

  # Keep each client on one real server for ten seconds after its last
  # connection: ipvsadm -E -t 192.168.140.100:80 -s rr -p 10
  # persistence {
  #   timeout = "10s"
  # }
}

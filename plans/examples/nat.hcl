# A load-balanced cluster in NAT mode.
#
#                        VMnet, 192.168.146.0/24        VMnet2, 192.168.177.0/24
#
#                           +------------- master --------------+        +-- node1  .10
#   client ---------------> | ens33  .100 (VIP)   ens36  .254 (DIP) | ---|
#                           +-----------------------------------+        +-- node2  .20
#
# The client talks to the VIP. The director rewrites the destination of each
# request to a real server's address (RIP), and the source of each answer back
# to the VIP. So both directions pass through the director, and from that follow
# the rules that lvsup checks before it touches a host:
#
#   - the VIP and the DIP are in different networks;
#   - the director forwards packets: lvsup sets net.ipv4.ip_forward by itself;
#   - the gateway of every real server is the DIP;
#   - no client is in the real servers' network, or the answer would bypass
#     the director.
#
# Try it in the lab, or on three machines of your own:
#
#   lvsup plan  plans/examples/nat.hcl
#   lvsup apply plans/examples/nat.hcl

cluster "nat" {
  forwarding = "nat" # ipvsadm -m
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

director "master" {
  # The side of the clients. This address is the VIP.
  interface "ens33" {
    address = "192.168.146.100/24"

    # Further keys of /etc/sysconfig/network-scripts/ifcfg-ens33, on hosts that
    # have such files; elsewhere they mean nothing. lvsup writes the others
    # (TYPE, DEVICE, IPADDR, ...) itself. A UUID belongs to one machine, so none
    # is written here: the one that is in the file already stays.
    ifcfg = {
      BROWSER_ONLY = "no"
      ETHTOOL_OPTS = "autoneg on"
    }
  }

  # The side of the real servers. This address is the DIP.
  interface "ens36" {
    address = "192.168.177.254/24"
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
    address = "192.168.177.10/24"

    # The DIP, so that the answers go back through the director.
    gateway = director.master.interface.ens36.ip
    ifcfg = {
      BROWSER_ONLY = "no"
      ETHTOOL_OPTS = "autoneg on"
    }
  }

  # A page of its own for each real server shows which of them has answered.
  httpd {
    index = "<h1>This is 192.168.177.10!</h1>"
  }
}

real_server "node2" {
  interface "ens33" {
    address = "192.168.177.20/24"
    gateway = director.master.interface.ens36.ip
    ifcfg = {
      BROWSER_ONLY = "no"
      ETHTOOL_OPTS = "autoneg on"
    }
  }

  httpd {
    index = "<h1>This is 192.168.177.20!</h1>"
  }
}

# ipvsadm -A -t 192.168.146.100:80 -s rr
virtual_service "web" {
  address   = director.master.interface.ens33.ip # 192.168.146.100
  port      = 80
  protocol  = "tcp"
  scheduler = "rr" # each real server in turn

  # ipvsadm -a -t 192.168.146.100:80 -r 192.168.177.10:80 -m
  backend {
    host = real_server.node1
  }

  # ipvsadm -a -t 192.168.146.100:80 -r 192.168.177.20:80 -m
  backend {
    host = real_server.node2
  }
}

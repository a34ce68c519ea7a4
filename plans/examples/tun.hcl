# A load-balanced cluster in TUN mode (IP tunnelling).
#
# The client talks to the VIP. The director wraps each packet, unchanged, into
# another one and sends that to a real server, which may be in any network that
# the director reaches. The real server, which has the VIP too, unwraps it and
# answers the client directly. From that follow the rules that lvsup checks or
# brings about:
#
#   - every real server has the VIP, as a /32 on lo, and tells nobody (no ARP);
#   - it has a tunnel device, whose rp_filter lets the packets in;
#   - it tells clients to send smaller segments, since the wrapping needs room;
#   - a backend listens on the port of the service.
#
# Try it in the lab, or on three machines of your own:
#
#   lvsup plan  plans/examples/tun.hcl
#   lvsup apply plans/examples/tun.hcl

cluster "tun" {
  forwarding = "tun" # ipvsadm -i
}

connection {
  user = "root"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
    gateway = "192.168.140.2"
  }
}

# In the lab both are in the director's network; elsewhere they need not be.
real_server "node1" {
  interface "ens33" {
    address = "192.168.140.20/24"
    gateway = "192.168.140.2"
  }
  httpd {
    index = "<h1>This is 192.168.140.20!</h1>"
  }
}

real_server "node2" {
  interface "ens33" {
    address = "192.168.140.30/24"
    gateway = "192.168.140.2"
  }
  httpd {
    index = "<h1>This is 192.168.140.30!</h1>"
  }
}

# ipvsadm -A -t 192.168.140.100:80 -s rr
virtual_service "web" {
  address   = "192.168.140.100"
  port      = 80
  scheduler = "rr"

  # Where a network lets no IP-in-IP pass, wrap the packets into UDP:
  # tunnel {
  #   type = "gue"
  #   port = 6080
  # }

  # ipvsadm -a -t 192.168.140.100:80 -r 192.168.140.20:80 -i
  backend {
    host = real_server.node1
  }
  backend {
    host = real_server.node2
  }
}

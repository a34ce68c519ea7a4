cluster "web" {
  forwarding = "nat"
}

director "master" {
  sysctl = {
    "net.ipv4.ip_forward"          = 0
    "net.ipv4.conf.all.forwarding" = 0
  }
  interface "ens33" {
    address = "192.168.146.100/24"
  }
  interface "ens36" {
    address = "192.168.177.254/24"
  }
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.177.10/24"
    gateway = "192.168.177.254"
  }
}

real_server "node2" {
  interface "ens33" {
    address = "192.168.177.20/24"
    gateway = "192.168.177.254"
  }
}

virtual_service "web" {
  address   = "192.168.146.100"
  port      = 80
  scheduler = "rr"
  backend {
    host = real_server.node1
  }
  backend {
    host = real_server.node2
  }
}

cluster "web" {
  forwarding = "tun"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.140.20/24"
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node1
    tunnel {
      type     = "gre"
      checksum = "full"
    }
  }
}

virtual_service "other" {
  address = "192.168.140.100"
  port    = 81
  backend {
    host = real_server.node1
    tunnel {
      type = "gre"
    }
  }
}

virtual_service "gue" {
  address = "192.168.140.100"
  port    = 82
  backend {
    host = real_server.node1
    tunnel {
      type = "gue"
      port = 6080
    }
  }
}

virtual_service "udp" {
  address = "192.168.140.100"
  port     = 6080
  protocol = "udp"
  backend {
    host = real_server.node1
  }
}

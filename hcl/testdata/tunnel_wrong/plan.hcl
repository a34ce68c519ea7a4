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
  tunnel {
    type = "gue"
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "gre" {
  address = "192.168.140.100"
  port    = 81
  tunnel {
    type = "gre"
    port = 6080
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "ipip" {
  address = "192.168.140.100"
  port    = 82
  tunnel {
    port     = 6080
    checksum = "full"
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "remote" {
  address = "192.168.140.100"
  port    = 83
  tunnel {
    type     = "gre"
    checksum = "remote"
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "words" {
  address = "192.168.140.100"
  port    = 84
  tunnel {
    type     = "gru"
    checksum = "on"
    mss      = 20
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "mss" {
  address = "192.168.140.100"
  port    = 85
  tunnel {
    mss = 70000
  }
  backend {
    host = real_server.node1
  }
}

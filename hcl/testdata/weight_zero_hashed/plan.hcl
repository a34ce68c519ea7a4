cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
    gateway = "192.168.140.2"
  }
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.140.20/24"
    gateway = "192.168.140.2"
  }
}

real_server "node2" {
  interface "ens33" {
    address = "192.168.140.30/24"
    gateway = "192.168.140.2"
  }
}

virtual_service "web" {
  address   = "192.168.140.100"
  port      = 80
  scheduler = "sh"
  backend {
    host = real_server.node1
  }
  backend {
    host   = real_server.node2
    weight = 0
  }
}

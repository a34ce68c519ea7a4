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
    address = cidrhost("192.168.140.0", 20)
    gateway = "192.168.140.2"
  }
}

real_server "node2" {
  interface "ens33" {
    address = cidrsubnet("192.168.140.0/24", 4)
    gateway = "192.168.140.2"
  }
}

virtual_service "web" {
  address   = cidrhost("192.168.140.0/24", 500)
  port      = 80
  scheduler = "rr"
  backend {
    host = real_server.node1
  }
  backend {
    host = real_server.node2
  }
}

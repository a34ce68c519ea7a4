cluster "web" {
  forwarding = "dr"
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
    host       = real_server.node1
    forwarding = "nta"
  }
  backend {
    address    = "192.168.140.50"
    forwarding = "nat"
    port       = 8080
  }
  backend {
    address    = "192.168.140.51"
    forwarding = "tun"
    port       = 8080
  }
}

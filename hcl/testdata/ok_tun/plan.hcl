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
    address = "192.168.141.20/24"
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node1
  }
}

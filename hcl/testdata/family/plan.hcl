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
  fwmark  = 1
  family  = "ipv4"
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  fwmark = 2
  family = "ipv5"
  backend {
    host = real_server.node1
  }
}

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
  fwmark  = 7
  ports   = [80]
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  address = "192.168.140.101"
  fwmark  = 7
  ports   = [443]
  backend {
    host = real_server.node1
  }
}

virtual_service "third" {
  fwmark = 7
  family = "ipv6"
}

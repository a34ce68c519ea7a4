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
  fwmark = 1
  family = "ipv6"
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  fwmark     = 1
  forwarding = "nat"
  backend {
    address = "2001:db8::5"
  }
}

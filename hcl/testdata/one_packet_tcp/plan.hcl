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
  port       = 80
  one_packet = true
  backend {
    host = real_server.node1
  }
}

virtual_service "marked" {
  address = "192.168.140.100"
  fwmark     = 1
  ports      = [443, "5060/sctp"]
  one_packet = true
  backend {
    host = real_server.node1
  }
}

virtual_service "dns" {
  address = "192.168.140.100"
  fwmark     = 2
  ports      = [53, "53/udp"]
  one_packet = true
  backend {
    host = real_server.node1
  }
}

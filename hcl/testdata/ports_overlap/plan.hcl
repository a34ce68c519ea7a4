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
  ports   = [80, "75-85", "80/udp"]
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  address = "192.168.140.100"
  fwmark  = 2
  ports   = [443, "85-90/tcp"]
  backend {
    host = real_server.node1
  }
}

virtual_service "plain" {
  address = "192.168.140.100"
  port    = 443
  backend {
    host = real_server.node1
  }
}

virtual_service "quic" {
  address = "192.168.140.100"
  port     = 443
  protocol = "udp"
  backend {
    host = real_server.node1
  }
}

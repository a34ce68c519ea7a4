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

firewall {
  policy = "open"
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 0
  persistence {
    timeout = "5m"
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "marked" {
  fwmark = 1
  backend {
    host = real_server.node1
  }
}

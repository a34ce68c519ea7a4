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
  port     = 5060
  persistence {
    timeout = "10s"
    engine  = "sip"
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  address = "192.168.140.100"
  port     = 5060
  protocol = "udp"
  persistence {
    timeout = "10s"
    engine  = "spi"
  }
  backend {
    host = real_server.node1
  }
}

virtual_service "marked" {
  address = "192.168.140.101"
  fwmark  = 1
  ports   = ["5060/udp", 5061]
  persistence {
    timeout = "10s"
    engine  = "sip"
  }
  backend {
    host = real_server.node1
  }
}

cluster "dns" {
  forwarding = "nat"
}

director "master" {
  interface "ens33" {
    address = "192.168.146.100/24"
  }
  interface "ens36" {
    address = "192.168.177.254/24"
  }
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.177.10/24"
    gateway = director.master.interface.ens36.ip
  }
}

virtual_service "dns" {
  address    = director.master.interface.ens33.ip
  port       = 53
  protocol   = "udp"
  one_packet = true
  backend {
    host = real_server.node1
  }
}

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
  ports   = [80, 443]
  backend {
    host = real_server.node1
    port = 8080
  }
}

virtual_service "nat" {
  address = "192.168.140.100"
  fwmark     = 2
  ports      = [81, 444]
  forwarding = "nat"
  backend {
    address = "10.0.0.5"
    port    = 8080
  }
}

virtual_service "sticky" {
  address = "192.168.140.100"
  fwmark     = 3
  ports      = [82]
  forwarding = "nat"
  persistence {
    timeout = "10s"
  }
  backend {
    address = "10.0.0.5"
    port    = 8080
  }
}

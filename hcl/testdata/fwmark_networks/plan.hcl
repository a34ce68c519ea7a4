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

real_server "far" {
  interface "ens33" {
    address = "10.0.0.20/24"
  }
}

virtual_service "web" {
  fwmark = 1
  backend {
    host = real_server.far
  }
}

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
  port = 80
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  address = "192.168.140.100"
  backend {
    host = real_server.node1
  }
}

virtual_service "third" {
  backend {
    host = real_server.node1
  }
}

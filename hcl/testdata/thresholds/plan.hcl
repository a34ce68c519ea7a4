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
  port    = 80
  backend {
    host            = real_server.node1
    upper_threshold = 10
    lower_threshold = 20
  }
}

virtual_service "lower" {
  address = "192.168.140.100"
  port    = 81
  backend {
    host            = real_server.node1
    lower_threshold = 20
  }
}

virtual_service "range" {
  address = "192.168.140.100"
  port    = 82
  backend {
    host            = real_server.node1
    upper_threshold = 2147483648
    lower_threshold = -1
  }
}

virtual_service "hashed" {
  address = "192.168.140.100"
  port      = 83
  scheduler = "mh"
  backend {
    host            = real_server.node1
    upper_threshold = 10
  }
}

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

ipvs {
  sync {
    role       = "slave"
    interface  = "ens 33"
    id         = 256
    group      = "10.0.0.81"
    port       = 0
    ttl        = 0
    max_length = 65508
  }
  sync {
    interface = "ens34"
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node1
  }
}

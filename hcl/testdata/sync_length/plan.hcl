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
    role       = "master"
    interface  = "ens33"
    group      = "ff02::81"
    max_length = 65500
  }
  sync {
    role       = "backup"
    interface  = "ens34"
    max_length = 500
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node1
  }
}

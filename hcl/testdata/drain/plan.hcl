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
  drain = "1500ms"
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  drain   = "48h"
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  address = "192.168.140.100"
  port    = 81
  drain   = "-1s"
  backend {
    host = real_server.node1
  }
}

virtual_service "third" {
  address = "192.168.140.100"
  port    = 82
  drain   = 30
  backend {
    host = real_server.node1
  }
}

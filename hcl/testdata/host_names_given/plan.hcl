cluster "web" {
  name       = ""
  forwarding = "dr"
}

director "master" {
  name = "lb 1"
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

real_server "node1" {
  name = 1
  interface "ens33" {
    address = "192.168.140.20/24"
  }
}

real_server "node2" {
  name = "lb"
  interface "ens33" {
    address = "192.168.140.30/24"
  }
}

host "lb" {
}

virtual_service "web" {
  name    = "-"
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.lb
  }
}

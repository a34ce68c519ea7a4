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
  ports   = ["http", 0, "8010-8000", "53/upd", 70000, true, "80-", "22/tcp/tcp", 80.5]
  backend {
    host = real_server.node1
  }
}

cluster "six" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "2001:db8::10/64"
    gateway = "2001:db8::1"
  }
}

real_server "node1" {
  interface "ens33" {
    address = "2001:db8::20/64"
    gateway = "2001:db8::1"
  }
}

virtual_service "web" {
  address = "2001:db8::100"
  port    = 443
  persistence {
    timeout = "10s"
  }
  backend {
    host = real_server.node1
  }
}

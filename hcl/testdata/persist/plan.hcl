cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address   = "192.168.140.10/24"
    addresses = ["2001:db8::10/64"]
  }
}

real_server "node1" {
  interface "ens33" {
    address   = "192.168.140.20/24"
    addresses = ["2001:db8::20/64"]
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  persist = "native"
  backend {
    host = real_server.node1
  }
}

virtual_service "same" {
  address = "192.168.140.100"
  port    = 443
  persist = "native"
  backend {
    host = real_server.node1
  }
}

virtual_service "other" {
  address = "192.168.140.100"
  port    = 8080
  backend {
    host = real_server.node1
  }
}

virtual_service "six" {
  address = "2001:db8::100"
  port    = 80
  persist = "native"
  backend {
    host    = real_server.node1
    address = "2001:db8::20"
  }
}

virtual_service "unknown" {
  address = "192.168.140.101"
  port    = 80
  persist = "rclocal"
  backend {
    host = real_server.node1
  }
}

virtual_service "others" {
  address  = "192.168.140.102"
  port     = 80
  keep_vip = false
  persist  = "native"
  backend {
    host = real_server.node1
  }
}

virtual_service "marked" {
  fwmark  = 1
  persist = "native"
  backend {
    host = real_server.node1
  }
}

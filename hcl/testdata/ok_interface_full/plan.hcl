cluster "web" {
  forwarding = "dr"
}

director "lb" {
  interface "ens33" {
    address   = "192.168.140.10/24"
    addresses = ["2001:db8::10/64"]
    gateway6  = "fe80::1"
  }
}

real_server "node1" {
  interface "ens33" {
    address   = "192.168.140.20/24"
    addresses = ["10.0.0.5/24", "2001:db8::5/64"]
    gateway   = "192.168.140.2"
    gateway6  = "2001:db8::1"
    mtu       = 1400
    route {
      to     = "10.8.0.0/16"
      via    = "192.168.140.2"
      metric = 10
    }
    route {
      to  = "10.8.0.0/16"
      via = "10.0.0.1"
    }
    route {
      to = "10.9.0.0/16"
    }
    route {
      to  = "2001:db8:8::/48"
      via = "fe80::1"
    }
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node1
  }
}

virtual_service "web6" {
  address = "2001:db8::100"
  port    = 80
  backend {
    host = real_server.node1
  }
}

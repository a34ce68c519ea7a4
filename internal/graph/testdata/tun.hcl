cluster "branches" {
  forwarding = "tun"
}
director "lb" {
  interface "eth0" {
    address = "198.51.100.5/24"
    gateway = "198.51.100.1"
  }
}
real_server "berlin" {
  interface "eth0" {
    address = "203.0.113.10/24"
    gateway = "203.0.113.1"
  }
}
real_server "lisbon" {
  interface "eth0" {
    address = "192.0.2.10/24"
    gateway = "192.0.2.1"
  }
}
virtual_service "shop" {
  address   = "198.51.100.80"
  port      = 443
  scheduler = "wrr"
  tunnel {
    type = "gue"
    port = 6080
  }
  persistence {
    timeout = "10m"
  }
  backend {
    host   = real_server.berlin
    weight = 3
  }
  backend {
    host = real_server.lisbon
  }
}

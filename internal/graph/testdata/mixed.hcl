# Everything at once: long names, both families, several networks and services,
# all ways of forwarding, a server in no service and one that is an address only.
cluster "a-cluster-with-a-rather-long-name-for-the-title-of-a-picture" {}
director "director-of-the-northern-data-centre-rack-17" {
  interface "enp0s31f6.1042" {
    address   = "2001:db8:1234:5678:9abc:def0:1234:5678/64"
    addresses = ["198.51.100.5/24"]
    gateway   = "2001:db8:1234:5678::1"
  }
  interface "ens36" {
    address = "10.0.0.1/24"
  }
  interface "ens40" {
    address = "10.9.0.1/24"
  }
}
real_server "application-server-number-one.north.example.org" {
  interface "ens33" {
    address = "10.0.0.11/24"
    gateway = "10.0.0.1"
  }
  interface "ens40" {
    address = "10.9.0.11/24"
  }
}
real_server "app2" {
  interface "ens33" {
    address = "10.0.0.12/24"
    gateway = "10.0.0.1"
  }
}
real_server "six" {
  interface "ens33" {
    address = "2001:db8:1234:5678:ffff:ffff:ffff:ffff/64"
    gateway = "2001:db8:1234:5678::1"
  }
}
real_server "far" {
  interface "eth0" {
    address = "203.0.113.10/24"
    gateway = "203.0.113.1"
  }
}
real_server "spare" {
  interface "ens33" {
    address = "10.0.0.13/24"
  }
}
host "monitoring" {
  interface "ens33" {
    address = "10.9.0.100/24"
  }
}
virtual_service "shop" {
  address    = "198.51.100.80"
  port       = 80
  forwarding = "nat"
  scheduler  = "wrr"
  backend {
    host    = real_server["application-server-number-one.north.example.org"]
    address = "10.0.0.11"
    port    = 8080
    weight  = 3
  }
  backend {
    host = real_server.app2
    port = 8080
  }
}
virtual_service "a-service-whose-name-is-long-as-well" {
  address    = "198.51.100.80"
  port       = 443
  forwarding = "nat"
  scheduler  = "mh"
  scheduler_flags = ["mh-fallback", "mh-port"]
  persistence {
    timeout = "744h"
  }
  backend {
    host = real_server.app2
  }
}
virtual_service "six" {
  address    = "2001:db8:1234:5678:ffff:ffff:ffff:eeee"
  port       = 443
  forwarding = "dr"
  backend {
    host = real_server.six
  }
}
virtual_service "dns" {
  address    = "198.51.100.81"
  port       = 53
  protocol   = "udp"
  forwarding = "tun"
  scheduler  = "rr"
  one_packet = true
  keep_vip   = false
  backend {
    host = real_server.far
  }
  backend {
    address = "203.0.113.99"
  }
}

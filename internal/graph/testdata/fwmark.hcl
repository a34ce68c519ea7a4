cluster "marked" {
  forwarding = "dr"
}
director "lb" {
  interface "eth0" {
    address = "192.0.2.5/24"
  }
}
real_server "node" {
  count = 3
  interface "eth0" {
    address = "192.0.2.${10 + count.index}/24"
  }
}
host "client" {
  interface "eth0" {
    address = "192.0.2.200/24"
  }
}
virtual_service "shop" {
  address   = "192.0.2.80"
  fwmark    = 1
  ports     = [80, 443, "8000-8010", "53/udp"]
  scheduler = "sh"
  scheduler_flags = ["sh-fallback"]
  persistence {
    timeout = "1h"
  }
  backend {
    for_each = real_server.node
    host     = each.value
  }
}
virtual_service "others" {
  fwmark = 7
  backend {
    host = real_server.node[0]
  }
  backend {
    address = "192.0.2.99"
    upper_threshold = 1000
  }
}

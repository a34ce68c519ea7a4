cluster "web" {
  forwarding = "dr"
}

director "master" {
  count = 1
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

real_server "node" {
  count = 3
  name  = "node${count.index + 1}"
  interface "ens33" {
    address = "${cidrhost("192.168.140.0/24", 20 + count.index)}/24"
  }
  sysctl = count.index == 0 ? { "net.core.somaxconn" = 1024 } : {}
}

real_server "none" {
  count = 0
  interface "ens33" {
    address = "192.168.140.99/24"
  }
}

host "client" {
  count = 2
  httpd {
    index = join(" ", real_server.node[*].ip)
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node[0]
  }
  backend {
    for_each = slice(real_server.node, 1, 3)
    host     = each.value
  }
  backend {
    for_each = real_server.none
    host     = each.value
  }
}

virtual_service "more" {
  count   = 2
  address = cidrhost("192.168.140.0/24", 101 + count.index)
  port    = virtual_service.web.port
  backend {
    count  = length(real_server.node)
    host   = real_server.node[count.index]
    weight = count.index
  }
}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

real_server "node" {
  for_each = { alpha = 20, beta = 30 }
  interface "ens33" {
    address = "192.168.140.${each.value}/24"
  }
}

real_server "spare" {
  count = 2
  interface "ens33" {
    address = "192.168.140.${50 + count.index}/24"
  }
}

host "client" {
  httpd {
    index = real_server.node.ip
  }
}

host "client2" {
  httpd {
    index = real_server.node["alhpa"].ip
  }
}

host "client3" {
  httpd {
    index = real_server.spare[2].ip
  }
}

host "client4" {
  httpd {
    index = real_server.spare[0].ipp
  }
}

host "client5" {
  httpd {
    index = real_server.node.beta.interface.ens36.ip
  }
}

host "client6" {
  httpd {
    index = real_server.spare.name
  }
}

host "client7" {
  httpd {
    index = virtual_service.web.adress
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    host = real_server.node
  }
  backend {
    host = "node-alpha"
  }
  backend {
    address = "192.168.140.50"
  }
}

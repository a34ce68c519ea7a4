cluster "web" {
  forwarding = "dr"
}

director "master" {
  count = 2
  interface "ens33" {
    address = "192.168.140.${10 + count.index}/24"
  }
}

real_server "minus" {
  count = -1
}

real_server "many" {
  count = 1e9
}

real_server "half" {
  count = 1.5
}

real_server "text" {
  count = "two"
}

real_server "outside" {
  interface "ens33" {
    address = "192.168.140.${20 + count.index}/24"
  }
}

real_server "node" {
  count = 40
  interface "ens33" {
    address = "192.168.140.${240 + count.index}/24"
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

module "node" {
  source   = "./node"
  count    = 2
  address  = "192.168.140.${20 + count.index}/24"
  director = director.master
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  backend {
    for_each = module.node[*].host
    host     = each.value
  }
}

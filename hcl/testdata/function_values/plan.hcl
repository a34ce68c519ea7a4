variable "network" {
  default = "192.168.140.0/30"
}

variable "weights" {
  type    = map(number)
  default = { node1 = 1, node2 = 70000 }
}

locals {
  number = 9
}

cluster "web" {}

host "a" {
  interface "ens33" {
    address = "${cidrhost(var.network, local.number)}/24"
  }
}

virtual_service "web" {
  address    = "192.168.140.100"
  port       = local.number * 10000
  forwarding = "dr"
  backend {
    for_each = var.weights
    address  = "192.168.140.5"
    weight   = each.value
  }
}

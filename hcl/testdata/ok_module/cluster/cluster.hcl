variable "network" {
  type = string
}

variable "nodes" {
  default = 2
}

variable "scheduler" {
  default  = "rr"
  nullable = false
}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "${cidrhost(var.network, 10)}/24"
  }
}

real_server "node" {
  count = var.nodes
  interface "ens33" {
    address = "${cidrhost(var.network, 20 + count.index)}/24"
  }
}

host "dns" {
  name = "dns-of-${cidrhost(var.network, 0)}"
}

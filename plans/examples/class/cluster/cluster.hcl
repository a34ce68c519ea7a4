# One cluster in direct routing: a director, two real servers and a web service.
# It is a plan of its own, too:
#
#   lvsup plan -var title=Test -var network=10.20.0.0/24 plans/examples/class/cluster

variable "network" {
  type        = string
  description = "The network of the cluster's hosts"
}

variable "title" {
  type        = string
  description = "What the test pages say"
}

variable "nodes" {
  type    = number
  default = 2
}

locals {
  bits = split("/", var.network)[1]
}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "${cidrhost(var.network, 10)}/${local.bits}"
  }
}

real_server "node" {
  count = var.nodes
  interface "ens33" {
    address = "${cidrhost(var.network, 20 + count.index)}/${local.bits}"
  }
  httpd {
    index = templatefile("page.html.tmpl", { title = var.title, ip = real_server.node[count.index].ip })
  }
}

virtual_service "web" {
  address   = cidrhost(var.network, 100)
  port      = 80
  scheduler = "rr"
  backend {
    for_each = real_server.node
    host     = each.value
  }
}

output "vip" {
  value       = virtual_service.web.address
  description = "Where the pages are"
}

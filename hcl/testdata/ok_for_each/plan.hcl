variable "nodes" {
  type = map(object({
    address = string
    weight  = optional(number, 1)
  }))
  default = {
    a = { address = "192.168.140.20/24" }
    b = { address = "192.168.140.30/24", weight = 3 }
  }
}

variable "vips" {
  default = { web = 80, mail = 25 }
}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

real_server "node" {
  for_each = var.nodes
  interface "ens33" {
    address = each.value.address
  }
  httpd {
    index = "<h1>${real_server.node[each.key].name} of ${length(real_server.node)}</h1>"
  }
}

real_server "spare" {
  for_each = toset(["192.168.140.40", "192.168.140.50"])
  name     = "spare${split(".", each.key)[3]}"
  interface "ens33" {
    address = "${each.value}/24"
    gateway = real_server.node["a"].ip
  }
}

virtual_service "tcp" {
  for_each = var.vips
  name     = each.key
  address  = cidrhost("192.168.140.0/24", 100 + index(keys(var.vips), each.key))
  port     = each.value
  backend {
    for_each = { for key, node in real_server.node : key => { host = node, weight = var.nodes[key].weight } }
    host     = each.value.host
    weight   = each.value.weight
  }
  backend {
    for_each = real_server.spare
    host     = each.value
    weight   = 0
  }
}

virtual_service "all" {
  address = virtual_service.tcp["web"].address
  port    = 8080
  backend {
    for_each = real_server
    host     = each.value
  }
}

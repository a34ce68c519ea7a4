variable "hosts" {
  type = map(object({
    address = string
    mtu     = optional(number, 1500)
  }))
}

variable "name" {}

variable "gateway" {
  type    = string
  default = null
}

cluster "web" {}

host "a" {
  interface "ens33" {
    address = var.hosts["a"].address
    gateway = var.gateway
    ifcfg   = { IPV6_MTU = var.hosts["a"].mtu, DOMAIN = var.name }
  }
}

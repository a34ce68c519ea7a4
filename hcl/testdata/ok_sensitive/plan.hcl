variable "secret" {
  sensitive = true
}

variable "network" {
  sensitive = true
  default   = "192.168.140.0/24"
}

locals {
  page = "<p>${var.secret}</p>"
}

cluster "web" {}

host "a" {
  interface "ens33" {
    address = "${cidrhost(nonsensitive(var.network), 7)}/24"
    ifcfg = {
      KEY  = var.secret
      TYPE = "Ethernet"
    }
  }
  sysctl = {
    "kernel.domainname" = upper(var.secret)
    "net.ipv4.tcp_ecn"  = issensitive(var.secret) ? 1 : 0
  }
  httpd {
    index = local.page
  }
}

host "b" {
  interface "ens33" {
    address = "192.168.140.8/24"
    ifcfg   = sensitive({ IPV6_MTU = 9000 })
  }
}

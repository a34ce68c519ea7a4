variable "port" {}

variable "keep" {}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

virtual_service "web" {
  for_each = toset(["443", "8443"])
  name     = each.key * 2
  address  = "192.168.140.100"
  port     = each.key
  keep_vip = var.keep
  backend {
    address = "192.168.140.20"
    weight  = "${var.port}"
  }
}

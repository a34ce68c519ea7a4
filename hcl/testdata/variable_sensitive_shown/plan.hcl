variable "secret" {
  sensitive = true
  default   = "10.0.0.9"
}

variable "secrets" {
  sensitive = true
  default   = ["a", "b"]
}

variable "login" {
  sensitive = "yes"
  default   = "x"
}

cluster "web" {}

connection {
  user = "u-${var.secret}"
}

host "a" {
  interface "ens33" {
    address = "${var.secret}/24"
    dns     = ["10.0.0.1", var.secret]
  }
}

virtual_service "web" {
  address    = "10.0.0.100"
  port       = 80
  forwarding = "dr"
  backend {
    for_each = var.secrets
    address  = each.value
  }
}

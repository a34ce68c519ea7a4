variable "secret" {
  sensitive = true
  default   = "hunter2"
}

variable "count_of" {
  sensitive = true
  type      = object({ n = number })
}

variable "typed" {
  sensitive = true
  type      = list(string)
}

locals {
  host    = cidrhost(var.secret, 1)
  derived = cidrhost(upper(var.secret), 1)
  index   = { a = 1 }[var.secret]
  sum     = var.secret + 1
}

cluster "web" {}

host "a" {
  sysctl = {
    "kernel.domainname" = "${var.secret}\n"
    "kernel.hostname"   = [var.secret]
  }
  interface "ens33" {
    address = "10.0.0.1/24"
    ifcfg = {
      GATEWAY = var.secret
      KEY     = "a\n${var.secret}"
    }
  }
  httpd {
    index = [var.secret]
  }
}

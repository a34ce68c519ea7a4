variable "address" {}

variable "director" {}

real_server "web" {
  interface "ens33" {
    address = var.address
  }
  httpd {
    index = file("index.html")
  }
}

virtual_service "own" {
  address = cidrhost(var.address, 200)
  port    = tonumber(split(".", real_server.web.ip)[3])
  backend {
    host = real_server.web
  }
}

output "host" {
  value = real_server.web
}

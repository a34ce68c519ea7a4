cluster "campus" {
  forwarding = "dr"
}
director "lb" {
  interface "eth0" {
    address = "10.20.0.5/16"
    gateway = "10.20.0.1"
  }
}
real_server "web" {
  count = 30
  name  = format("web%02d", count.index + 1)
  interface "eth0" {
    address = "${cidrhost("10.20.1.0/24", count.index + 1)}/16"
    gateway = "10.20.0.1"
  }
}
virtual_service "www" {
  address   = "10.20.0.80"
  port      = 80
  scheduler = "wlc"
  backend {
    for_each = real_server.web
    host     = each.value
    weight   = 10
  }
}
virtual_service "www-tls" {
  address   = "10.20.0.80"
  port      = 443
  scheduler = "wlc"
  persistence {
    timeout = "5m"
  }
  backend {
    for_each = real_server.web
    host     = each.value
    weight   = 10
  }
}

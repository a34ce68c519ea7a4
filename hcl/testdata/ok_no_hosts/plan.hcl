cluster "mail" {
  forwarding = "dr"
}

time_sync {
  max_offset = null
}

director "lb" {
}

virtual_service "mail" {
  address    = "192.0.2.25"
  port       = 25
  keep_vip   = false
  forwarding = null
  drain      = null
  backend {
    address = "198.51.100.5"
  }
  backend {
    address    = "127.0.0.1"
    forwarding = "nat"
    port       = 2525
  }
}

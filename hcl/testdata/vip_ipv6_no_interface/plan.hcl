cluster "mail" {
  forwarding = "dr"
}

director "lb" {
}

virtual_service "mail" {
  address = "2001:db8::25"
  port    = 25
  backend {
    address = "2001:db8::5"
  }
}

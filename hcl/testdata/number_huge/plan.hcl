# Written out, this port has a hundred million digits.
cluster "web" {
  forwarding = "dr"
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 1e99999999
}

locals {
  a = upper(5, 6)
  a2 = nothing.here
}

cluster "web" {}

host "client" {
  interface "ens33" {
    address = "192.168.140.50/24"
  }
}

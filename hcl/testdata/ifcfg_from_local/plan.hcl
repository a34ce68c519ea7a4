locals {
  keys = { GATEWAY = "192.168.140.1" }
}

cluster "web" {}

host "client" {
  interface "ens33" {
    address = "192.168.140.50/24"
    ifcfg = local.keys
  }
}

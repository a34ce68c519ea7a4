locals {
  a = local.b
  b = "${local.c}/24"
  c = local.a
}
cluster "web" {}

host "client" {
  interface "ens33" {
    address = host.client.interface.ens33.address
  }
}

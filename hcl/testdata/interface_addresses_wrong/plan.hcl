cluster "web" {}

host "a" {
  interface "ens33" {
    address   = "192.168.140.20/24"
    addresses = ["192.168.140.20/24", "10.0.0.5", "10.0.0.0/24", "10.0.0.6/24", "10.0.0.6/16", 5]
  }
  interface "ens36" {
    address   = "172.16.0.1/16"
    addresses = "10.0.0.7/24"
  }
  interface "ens37" {
    address   = "172.17.0.1/16"
    addresses = ["192.168.140.30/24"]
  }
}

host "b" {
  interface "ens33" {
    address   = "192.168.140.21/24"
    addresses = ["10.0.0.6/24"]
  }
}

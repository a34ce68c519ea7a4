cluster "web" {}

host "client" {
  network = "networkd"
  interface "ens33" {
    address = "192.168.140.50/24"
  }
}

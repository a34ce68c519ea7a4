cluster "web" {}

host "client" {
  interface "ens33" {
    address = "192.168.140.50/24"
  }
}

connection {
  host = "10.0.0.1"
}

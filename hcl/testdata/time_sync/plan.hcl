cluster "web" {}

host "client" {
  interface "ens33" {
    address = "192.168.140.50/24"
  }
}

time_sync {
  max_offset = "0s"
}

cluster "web" {}

host "client" {
  network = "systemd-networkd"
  interface "ens33" {
    address = "192.168.140.50/24"
  }
}

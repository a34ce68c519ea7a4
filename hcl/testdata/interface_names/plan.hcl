cluster "web" {}

host "a" {
  interface "ens33; reboot" {
    address = "10.0.0.1/24"
  }
  interface "averyveryverylongname" {
    address = "10.0.1.1/24"
  }
  interface "lo" {
    address = "10.0.2.1/24"
  }
}

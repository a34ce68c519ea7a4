cluster "web" {}

host "a" {
  interface "ens33" {
    address = "10.0.0.1/24"
    gateway = "10.0.0.254"
  }
  interface "ens33" {
    address = "10.0.0.2/24"
    gateway = "10.0.0.253"
  }
}

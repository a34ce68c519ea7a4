cluster "web" {}

host "client" {
  sysctl = {
    net.ipv4.ip_forward = 1
  }
  interface "ens33" {
    address = "192.168.140.50/24"
  }
}

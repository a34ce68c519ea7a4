cluster "web" {}

host "a" {
  interface "ens33" {
    address = "192.168.140.20/24"
    mtu     = 500
  }
}

host "b" {
  interface "ens33" {
    address   = "192.168.140.21/24"
    addresses = ["2001:db8::5/64"]
    mtu       = 1200
  }
}

host "c" {
  interface "ens33" {
    address = "192.168.140.22/24"
    mtu     = "1400"
  }
}

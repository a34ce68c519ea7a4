cluster "web" {}

host "a" {
  interface "ens33" {
    address   = "192.168.140.20/24"
    addresses = ["2001:db8::20/64"]
    gateway   = "2001:db8::1"
  }
}

host "b" {
  interface "ens33" {
    address  = "192.168.140.21/24"
    gateway6 = "192.168.140.2"
  }
}

host "c" {
  interface "ens33" {
    address  = "2001:db8::22/64"
    gateway6 = "2001:db8::1"
  }
}

host "d" {
  interface "ens33" {
    address  = "192.168.140.23/24"
    gateway6 = "2001:db8:7::1"
  }
}

host "e" {
  interface "ens33" {
    address   = "192.168.140.24/24"
    addresses = ["2001:db8::24/64"]
    gateway6  = "2001:db8::24"
  }
  interface "ens36" {
    address  = "2001:db8:9::24/64"
    gateway  = "fe80::1"
  }
}

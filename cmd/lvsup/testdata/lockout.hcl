# The machines of the lockout test: it gives each a plan of its own, again and
# again. They start on DHCP and have no management network.
cluster "lockout" {
  forwarding = "dr"
}
host "h1" {
  interface "ens33" {
    address = "192.168.140.101/24"
    gateway = "192.168.140.2"
  }
}
host "h2" {
  interface "ens33" {
    address = "192.168.140.102/24"
    gateway = "192.168.140.2"
  }
}
host "h3" {
  interface "ens33" {
    address = "192.168.140.103/24"
    gateway = "192.168.140.2"
  }
}
host "h4" {
  interface "ens33" {
    address = "192.168.140.104/24"
    gateway = "192.168.140.2"
  }
}
host "h5" {
  interface "ens33" {
    address = "192.168.140.105/24"
    gateway = "192.168.140.2"
  }
}
host "h6" {
  interface "ens33" {
    address = "192.168.140.106/24"
    gateway = "192.168.140.2"
  }
}

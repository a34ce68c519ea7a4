cluster "web" {}

host "client" {
  interface "ens33" {
    address = "192.168.140.50/24"
    ifcfg = {
      IPADDR    = "192.168.140.51"
      DNS1      = "8.8.8.8"
      BOOTPROTO = "dhcp"
      lower     = "x"
      "A B"     = "y"
      ZONE      = "a\nrm -rf /"
      METRIC    = [1]
    }
  }
}

cluster "web" {}

host "a" {
  interface "ens33" {
    address = "192.168.140.20/24"
    mtu     = 1400
  }
  interface "vlan4095" {
    address = "10.1.0.1/24"
    vlan {
      id   = 4095
      link = "ens33"
    }
  }
  interface "ens33.3" {
    address = "10.2.0.1/24"
    vlan {
      id   = 2
      link = "ens33"
    }
  }
  interface "storage" {
    address = "10.3.0.1/24"
    vlan {
      id   = 3
      link = "enp0s31f6np1.12"
    }
  }
  interface "vlan4" {
    address = "10.4.0.1/24"
    vlan {
      id     = 4
      parent = "ens33"
    }
  }
  interface "vlan5" {
    address = "10.5.0.1/24"
    vlan {
      id   = 5
      link = "vlan6"
    }
  }
  interface "vlan6" {
    address = "10.6.0.1/24"
    vlan {
      id   = 6
      link = "vlan5"
    }
  }
  interface "vlan7" {
    address = "10.7.0.1/24"
    mtu     = 1500
    vlan {
      id   = 7
      link = "ens33"
    }
  }
  interface "ens33.7" {
    address = "10.8.0.1/24"
    vlan {
      id   = 7
      link = "ens33"
    }
  }
  interface "vlan9" {
    address = "10.9.0.1/24"
    ifcfg   = { PHYSDEV = "ens33" }
    vlan {
      id   = "9"
      link = "vlan9"
    }
  }
  interface "vlan10" {
    address = "10.10.0.1/24"
    vlan {
      id   = 10
      link = "lo"
    }
    vlan {
      id   = 11
      link = "ens33"
    }
  }
  interface "vlan11" {
    address = "10.11.0.1/24"
    vlan {
      id   = 11
      link = "ens 33"
    }
  }
  interface "br0" {
    address = "10.13.0.1/24"
    bridge {
      members = ["ens33", "ens36"]
    }
  }
  interface "vlan12" {
    address = "10.12.0.1/24"
    vlans {
      id   = 12
      link = "ens33"
    }
  }
}

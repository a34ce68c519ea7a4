cluster "web" {}

host "a" {
  interface "ens33" {
    address = "192.168.140.20/24"
  }
  interface "bond0" {
    address = "10.1.0.1/24"
    bond {
      mode    = "active-backup"
      members = ["ens33", "ens36", "ens36", "lo", "bond0", "bond1", "ens 37"]
      primary = "ens3"
    }
  }
  interface "bond1" {
    address = "10.2.0.1/24"
    ifcfg   = { BONDING_OPTS = "mode=1" }
    bond {
      mode      = "active-backpu"
      members   = ["ens36"]
      miimon    = 100
      lacp_rate = "fast"
    }
  }
  interface "bond2" {
    address = "10.3.0.1/24"
    bond {
      mode             = "active-backup"
      members          = []
      miimon           = "0s"
      lacp_rate        = "fast"
      xmit_hash_policy = "layer3+4"
    }
  }
  interface "bond3" {
    address = "10.4.0.1/24"
    bond {
      mode             = "802.3ad"
      members          = ["ens40"]
      primary          = "ens40"
      lacp_rate        = "fats"
      xmit_hash_policy = "layer3-4"
    }
    vlan {
      id   = 4
      link = "ens41"
    }
  }
  interface "bond4.7" {
    address = "10.5.0.1/24"
    bond {
      members = "ens42"
      miimom  = "100ms"
    }
    bond {
      mode    = "balance-rr"
      members = ["ens43"]
    }
  }
  interface "vlan6" {
    address = "10.6.0.1/24"
    vlan {
      id   = 6
      link = "ens40"
    }
  }
  interface "bond5" {
    address = "10.7.0.1/24"
    bonds {
      mode = "balance-rr"
    }
  }
}

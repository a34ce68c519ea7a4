variable "net" {
  type        = string
  default     = "10.0.5.0/24"
  description = "The network of the cluster"
}

variable "weights" {
  type    = map(number)
  default = { node1 = 3, node2 = 1 }
}

locals {
  gateway = cidrhost(var.net, 1)
  vip     = cidrhost(var.net, -2)
  page    = join("", ["<h1>", upper("hello"), "</h1>"])
}

cluster "everything" {}

connection {
  user   = "admin"
  become = true
}

time_sync {
  max_offset     = "250ms"
  require_source = true
}

firewall {
  policy = "open"
}

selinux {
  policy = "permissive"
}

ipvs {
  exclusive = true
  drain     = "1m"
  timeouts {
    tcp     = "15m"
    tcp_fin = "2m"
    udp     = "5m"
  }
  sync {
    role      = "backup"
    interface = director.lb.interface["eth0.100"].name
  }
  sync {
    role       = "master"
    interface  = "eth0.100"
    id         = 1
    group      = "ff02::81"
    port       = 8849
    ttl        = 4
    max_length = 1452
  }
}

director "lb" {
  connection {
    host   = "lb.example.org"
    port   = 2222
    user   = "root"
    become = false
  }
  interface "eth0.100" {
    address = "10.0.5.2/24"
    gateway = local.gateway
    dns     = [local.gateway, "2001:db8::53"]
  }
  packages = ["ipvsadm", "tcpdump"]
  sysctl = {
    "net.ipv4.vs.conn_reuse_mode" = 0
    "net.ipv4.vs.conntrack"       = true
  }
}

real_server "node1" {
  interface "ens33" {
    address = "${cidrhost(var.net, 10)}/24"
    gateway = local.gateway
    ifcfg = {
      TYPE     = "Ethernet"
      DEFROUTE = "yes"
      IPV6_MTU = 9000
    }
  }
  httpd {
    index = <<-EOT
      ${local.page}
      <p>node1, ${real_server.node1.ip}</p>
    EOT
  }
}

real_server "node2" {
  interface "ens33" {
    address = format("%s/%d", cidrhost(var.net, 11), 24)
    gateway = real_server.node1.interface.ens33.ip == "" ? null : local.gateway
  }
}

virtual_service "web" {
  address    = local.vip
  port       = 80
  scheduler  = "wrr"
  forwarding = "dr"
  persistence {
    timeout       = "5m"
    prefix_length = 24
  }
  backend {
    for_each = var.weights
    host     = real_server[each.key]
    weight   = each.value
  }
}

virtual_service "dns" {
  address    = local.vip
  port       = 53
  protocol   = "udp"
  one_packet = true
  forwarding = "tun"
  drain      = "0s"
  backend {
    for_each = real_server
    host     = each.value
    address  = each.value.ip
    weight   = 0
  }
}

virtual_service "shop" {
  address         = cidrhost(var.net, -3)
  fwmark          = 4294967295
  ports           = [80, 443, "8000-8010", "53/udp", 8443]
  keep_vip        = false
  scheduler       = "mh"
  scheduler_flags = ["mh-port", "mh-fallback"]
  forwarding      = "tun"
  tunnel {
    type     = "gue"
    port     = 6080
    checksum = "remote"
  }
  backend {
    host            = real_server.node1
    upper_threshold = 100
    lower_threshold = 80
  }
  backend {
    for_each = { node2 = 1400 }
    host     = real_server[each.key]
    tunnel {
      type     = "gre"
      checksum = "full"
      mss      = each.value
    }
  }
  backend {
    address    = "10.0.5.99"
    forwarding = "nat"
  }
}

virtual_service "calls" {
  fwmark    = 2
  family    = "ipv6"
  scheduler = "sh"
  persistence {
    timeout       = "1m"
    prefix_length = 64
    engine        = "sip"
  }
  backend {
    address    = "2001:db8::5"
    forwarding = "nat"
  }
}

virtual_service "rest" {
  address    = local.vip
  port       = 0
  forwarding = "tun"
  tunnel {
    mss = 0
  }
  persistence {
    timeout = "5m"
  }
  backend {
    host = real_server.node2
  }
}

# The real servers of a cluster with direct routing. Their director is not part of
# a benchmark: namespaces have no IPVS.

variable "hosts" {
  type = number
}

cluster "fleet" {
  forwarding = "dr"
}

director "master" {
  interface "eth1" {
    address = "10.98.0.10/16"
  }
}

real_server "node" {
  count = var.hosts
  name  = format("node%04d", count.index + 1)
  interface "eth1" {
    address = "${cidrhost("10.98.0.0/16", 257 + count.index)}/16"
  }
  sysctl = {
    "net.ipv4.conf.all.rp_filter"  = 2
    "net.ipv4.tcp_keepalive_time"  = 600
    "net.ipv4.ip_local_port_range" = "20000 60999"
  }
}

virtual_service "web" {
  address = "10.98.0.100"
  port    = 80
  backend {
    for_each = real_server.node
    host     = each.value
  }
}

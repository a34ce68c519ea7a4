# What the kill test brings up and takes down: every kind of the tutorial's
# cluster, on no more hosts than it takes.
cluster "kills" {
  forwarding = "dr"
}

firewall {
  policy = "disabled"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
    gateway = "192.168.140.2"
    dns     = ["8.8.8.8"]
  }
  packages = ["ipvsadm"]
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.140.20/24"
    gateway = "192.168.140.2"
    dns     = ["8.8.8.8"]
  }
  httpd {
    index = "<h1>This is 192.168.140.20!</h1>"
  }
}

virtual_service "web" {
  address   = "192.168.140.100"
  port      = 80
  scheduler = "rr"

  backend {
    host = real_server.node1
  }
}

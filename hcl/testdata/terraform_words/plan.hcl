terraform {
  required_version = ">= 1.0"
}

provider "aws" {}

resource "aws_instance" "web" {
  count = 2
}

data "aws_ami" "ubuntu" {}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
  depends_on = [real_server.node1]
  lifecycle {
    prevent_destroy = true
  }
}

real_server "node1" {
  interface "ens33" {
    address = "192.168.140.20/24"
  }
}

virtual_service "web" {
  address = "192.168.140.100"
  port    = 80
  dynamic "backend" {
    for_each = real_server
    content {
      host = backend.value
    }
  }
}

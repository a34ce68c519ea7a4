variable "network" {
  type = string
}

connection {
  user = "root"
}

host "client" {
  interface "ens33" {
    address = "${var.network}/24"
  }
}

output "vip" {
  value = host.client.ip
}

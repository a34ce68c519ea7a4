variable "name" {}

cluster "web" {
  name = "same"
}

host "master" {
  name = "master"
  sysctl = {
    "net..x" = var.name
  }
}

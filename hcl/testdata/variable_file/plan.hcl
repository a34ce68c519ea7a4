variable "port" {
  type = number
}

variable "name" {
  type    = string
  default = "web"
}

cluster "web" {}

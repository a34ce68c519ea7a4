variable "a" {}

variable "b" {
  type    = number
  default = "many"
}

variable "c" {
  type = strin
}

variable "d" {
  default = "x"
}

variable "d" {
  default = "y"
}

variable "e" {
  type        = number
  description = 5
}
cluster "web" {}

host "client" {
  interface "ens33" {
    address = var.aa
  }
}

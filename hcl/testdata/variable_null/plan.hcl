variable "a" {
  default  = null
  nullable = false
}

variable "b" {
  nullable = false
  type     = number
}

variable "c" {
  nullable = false
  type     = number
  default  = 3
}

variable "d" {
  nullable = "no"
  default  = 1
}

cluster "web" {}

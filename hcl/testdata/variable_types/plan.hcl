variable "quoted" {
  type    = "string"
  default = "x"
}

variable "many" {
  type    = list
  default = []
}

variable "nodes" {
  type = map(object({
    address = string
    weight  = optional(number, 1)
  }))
  default = {
    a = { address = "10.0.0.2", weight = "heavy" }
  }
}

variable "missing" {
  type    = object({ name = string, port = number })
  default = { name = "a" }
}

variable "typo" {
  type    = map(sting)
  default = {}
}

cluster "web" {}

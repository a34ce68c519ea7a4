variable "port" {
  type    = number
  default = 70000
  validation {
    condition     = var.port > 0 && var.port < 65536
    error_message = "A port is a number from 1 to 65535."
  }
}

variable "names" {
  type = list(string)
  validation {
    condition     = alltrue([for n in var.names : startswith(n, "node")])
    error_message = "Names begin with node, and ${join(", ", var.names)} do not all."
  }
  validation {
    condition     = length(var.names) < local.most
    error_message = "There is room for ${local.most - 1}."
  }
}

variable "token" {
  sensitive = true
  validation {
    condition     = length(var.token) > 10
    error_message = "A token has more than 10 characters."
  }
}

locals {
  most = 2
}
cluster "web" {}

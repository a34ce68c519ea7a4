variable "a" {
  default = 1
  validation {
    condition = "yes"
  }
}

variable "b" {
  default = 1
  validation {
    error_message = 5
    condtion      = true
  }
}

variable "c" {
  default = "x"
  validation {
    condition     = var.c > 5
    error_message = "Too small."
  }
}
cluster "web" {}

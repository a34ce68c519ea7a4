variable "secret" {
  sensitive = true
  default   = { a = 1 }
}

cluster "web" {
  forwarding = "dr"
}

director "master" {
  interface "ens33" {
    address = "192.168.140.10/24"
  }
}

# One name for all of them.
real_server "same" {
  for_each = { a = 20, b = 21, c = 22 }
  name     = "same"
  interface "ens33" {
    address = "192.168.140.${each.value}/24"
  }
}

# A key that makes no name, and the same mistake in every round.
real_server "node" {
  for_each = { "a b" = 900, c = 901, d = 902 }
  interface "ens33" {
    address = "192.168.140.${each.value}/24"
  }
}

real_server "both" {
  for_each = ["a"]
  count    = 2
}

real_server "twice" {
  for_each = ["a", "b", "a"]
}

real_server "numbers" {
  for_each = [1, 2]
}

real_server "text" {
  for_each = "a"
}

real_server "hidden" {
  for_each = var.secret
}

real_server "self" {
  for_each = real_server.self
}

real_server "outside" {
  interface "ens33" {
    address = "192.168.140.${each.value}/24"
  }
}

module "a" {
  source = "./cluster"
  name   = "one"
}

module "b" {
  source = "./cluster"
  name   = "two"
}

host "stray" {
}

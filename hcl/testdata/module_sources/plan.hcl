cluster "web" {}

module "registry" {
  source = "hashicorp/consul/aws"
}

module "bare" {
  source = "inner"
}

module "gone" {
  source = "./gone"
}

module "self" {
  source = "."
}

module "round" {
  source = "./inner"
}

module "nothing" {
}

module "number" {
  source = 5
}

module {
  source = "./inner"
}

module "block" {
  source = "./inner"
  host "a" {}
}

module "planless" {
  source = "/dev"
}

module "again" {
  source = "../inner"
}

module "up" {
  source = ".."
}

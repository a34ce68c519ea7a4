connection {
  user = "root"
}

module "table" {
  source   = "./cluster"
  for_each = toset(["1", "2"])
  network  = cidrsubnet("10.1.0.0/16", 8, tonumber(each.key))
}

module "teacher" {
  source    = "./cluster"
  network   = "10.2.0.0/24"
  nodes     = 1
  scheduler = null
}

host "client" {
  httpd {
    index = "${module.table["2"].vip} ${module.teacher.vip} ${join(" ", module.teacher.nodes[*].ip)}"
  }
}

cluster "class" {}

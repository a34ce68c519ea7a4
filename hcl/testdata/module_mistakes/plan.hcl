cluster "web" {
  forwarding = "dr"
}

module "a" {
  source = "./table"
  netwrk = "10.0.0.0/24"
}

module "b" {
  source   = "./table"
  for_each = { x = 300, y = 301 }
  network  = "10.0.${each.value}.0/24"
}

module "c" {
  source  = "./table"
  network = 5
}

module "d" {
  source = "./broken"
}

module "e" {
  source  = "./table"
  network = module.e.vip
}

host "client" {
  httpd {
    index = module.c.vpi
  }
}

host "client2" {
  httpd {
    index = module.b.vip
  }
}

host "client3" {
  httpd {
    index = module.f.vip
  }
}

host "client4" {
  httpd {
    index = output.x
  }
}

output "x" {
  valeu = 1
}

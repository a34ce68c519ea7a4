locals {
  names = ["a", "b"]
}

cluster "web" {}

host "a" {
  httpd {
    index = templatefile("page.tmpl", { names = local.names, title = "hello" })
  }
}

host "b" {
  httpd {
    index = file("${path.module}/page.txt")
  }
}

cluster "web" {}

host "a" {
  httpd {
    index = file("index.html")
  }
}

host "b" {
  httpd {
    index = templatefile("page.tmpl", { name = "b" })
  }
}

host "c" {
  httpd {
    index = templatefile("page.tmpl", { nmae = "c", port = 80 })
  }
}

host "d" {
  httpd {
    index = templatefile("broken.tmpl", {})
  }
}

host "e" {
  httpd {
    index = file("${path.modul}/page.tmpl")
  }
}

host "f" {
  httpd {
    index = templatefile("page.tmpl", "f")
  }
}

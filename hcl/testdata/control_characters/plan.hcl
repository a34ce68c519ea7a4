cluster "web" {}

host "client" {
  packages = ["[31mred", "‮abc"]
}

cluster "web" {
}

host "client" {
}

ipvs {
  exclusive = true
}

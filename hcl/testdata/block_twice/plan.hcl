cluster "web" {}

cluster "again" {}

host "client" {}

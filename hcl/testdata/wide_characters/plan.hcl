# 集群
cluster "web" {}

host "client" {
  httpd {
    index = "这是 192.168.140.50！" + nowhere.x
  }
	packages = ["é", "包", 1]
}

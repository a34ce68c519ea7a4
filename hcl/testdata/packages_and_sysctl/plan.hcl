cluster "web" {}

host "a" {
  packages = ["ipvsadm", "-y", "x; reboot", 5]
  sysctl = {
    "net.ipv4.ip_forward"   = "1\nkernel.panic = 1"
    "../../etc/passwd"      = 1
    "nodots"                = 1
    "net.ipv4.tcp_rmem"     = ""
    "net.ipv4.tcp_wmem"     = "4096 16384 4194304"
  }
}

virtual_service "web" {
  address   = cidrhost(var.network, 100)
  port      = 80
  scheduler = var.scheduler
  backend {
    for_each = real_server
    host     = each.value
  }
}

output "vip" {
  value       = virtual_service.web.address
  description = "Where the pages are"
}

output "nodes" {
  value = real_server.node
}

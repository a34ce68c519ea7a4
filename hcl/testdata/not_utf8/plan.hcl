# André keeps this cluster.
cluster "web" {
  forwarding = "dr"
}

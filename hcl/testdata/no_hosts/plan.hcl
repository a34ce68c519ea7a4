cluster "empty" {
  forwarding = "dr"
}

package plans

// Validate says what is wrong with a cluster.
func Validate(c *Cluster) []Diagnostic { return nil }

package boot

// Desired says whether a host has something to bring back when it boots.
type Desired struct {
	Restore bool `json:"restore,omitempty"`
}

// Validate has nothing to refuse.
func Validate(Desired) error { return nil }

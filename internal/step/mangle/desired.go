package mangle

// Desired are the rules that a host's packet filter has for the cluster.
type Desired struct {
	Marks []Mark `json:"marks,omitempty"` // on a director
	MSS   []MSS  `json:"mss,omitempty"`   // on a real server behind a tunnel
	// Installs says that the plan installs nftables or iptables, so that it is
	// no mistake if the host has neither yet.
	Installs bool `json:"installs,omitempty"`
}

// Mark puts a firewall mark on packets that come in for an address and port, so
// that IPVS finds a service by it.
type Mark struct {
	Address string `json:"address"` // the VIP
	Port    string `json:"port"`    // "80/tcp", "8000-8010/udp"
	Mark    uint32 `json:"mark"`
}

// MSS tells clients to send TCP segments of at most so many bytes to an
// address.
type MSS struct {
	Address string `json:"address"` // the VIP
	Size    int    `json:"size"`
}

// Validate names the rule that is wrong.
func Validate(want Desired) error {
	_, err := want.rules()
	return err
}

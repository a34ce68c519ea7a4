package tunnel

// Desired is what a real server needs to unwrap the packets that a director
// sends it through tunnels.
type Desired struct {
	Tunnels []Tunnel `json:"tunnels,omitempty"` // each once
}

// Tunnel is one kind of wrapping.
type Tunnel struct {
	Type      string `json:"type"`                 // "ipip", "gue" or "gre"
	Port      uint16 `json:"port,omitempty"`       // UDP port to listen on, gue only
	OuterIPv6 bool   `json:"outer_ipv6,omitempty"` // the family of the RIP
	InnerIPv6 bool   `json:"inner_ipv6,omitempty"` // the family of the VIP
}

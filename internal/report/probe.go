package report

// Probe is what the end-to-end test saw.
type Probe struct {
	Vantage  string         `json:"vantage"`           // who asked the VIP; empty: nobody could
	NotRun   string         `json:"not_run,omitempty"` // why the VIP was not asked
	Direct   []DirectProbe  `json:"direct"`
	Services []ServiceProbe `json:"services"`
}

// Failed reports whether anything that was asked failed. A probe that was not
// run has neither passed nor failed.
func (p *Probe) Failed() bool {
	for _, d := range p.Direct {
		if d.Error != "" {
			return true
		}
	}
	for _, s := range p.Services {
		if len(s.Problems) > 0 {
			return true
		}
	}
	return false
}

// DirectProbe is a page fetched from a real server by its RIP.
type DirectProbe struct {
	From    string `json:"from"`
	Host    string `json:"host"`
	Address string `json:"address"` // RIP:port
	Status  int    `json:"status,omitempty"`
	Page    string `json:"page,omitempty"` // empty where only a connection was asked for
	Error   string `json:"error,omitempty"`
}

// ServiceProbe is a virtual service asked through its VIP. A firewall mark has
// one for each port that was asked.
type ServiceProbe struct {
	Service   string         `json:"service"`
	Address   string         `json:"address"`
	Scheduler string         `json:"scheduler"`
	MACs      []string       `json:"macs,omitempty"` // who answers ARP for the VIP
	Requests  int            `json:"requests"`
	Answered  int            `json:"answered"`
	Sequence  []string       `json:"sequence"` // host that each request reached, in order
	Split     map[string]int `json:"split"`    // host -> requests
	Verdict   string         `json:"verdict"`
	NotRun    string         `json:"not_run,omitempty"` // why it was not asked
	Problems  []string       `json:"problems,omitempty"`
}

package plans

import "slices"

// Stage is one leg of a run. All hosts finish a stage before any host starts
// the next.
type Stage struct {
	Name string
	// Kinds are brought about in this order on each host. A stage without
	// kinds is work of the coordinator itself.
	Kinds []string
	// MayFail stages are tried again by a later stage with the same kinds, so
	// a failure is only a warning.
	MayFail bool
	// Hosts take part, the others do not.
	Hosts Hosts
}

// Hosts are those that take part in a stage, by their role.
type Hosts int

// The hosts that take part.
const (
	AllHosts Hosts = iota
	OnlyDirectors
	AllButDirectors
)

// Takes reports whether a host of that role takes part in the stage.
func (s Stage) Takes(r Role) bool {
	return s.Hosts == AllHosts || (s.Hosts == OnlyDirectors) == (r == RoleDirector)
}

// Same reports whether two stages do the same on the same hosts: the later one
// is then a second try.
func (s Stage) Same(t Stage) bool { return s.Hosts == t.Hosts && slices.Equal(s.Kinds, t.Kinds) }

// The names of stages that the coordinator treats specially.
const (
	StageConnect  = "connect"
	StageTimeSync = "timesync"
	StageVIP      = "vip"
	StagePath     = "path"
	StageIPVS     = "ipvs"
	StageProbe    = "probe"
)

// Stages is the whole run in order. The forward pass creates and updates in
// this order; the reverse pass deletes in the opposite order, so that traffic
// stops before what carries it goes away.
func Stages() []Stage {
	return []Stage{
		{Name: StageConnect},  // dial, push the agent, collect facts, lock
		{Name: StageTimeSync}, // clocks agree, or nothing is changed at all
		{Name: "packages", Kinds: []string{"packages"}, MayFail: true},
		{Name: "firewall", Kinds: []string{"firewall", "selinux"}},
		{Name: "address", Kinds: []string{"address"}},
		{Name: "packages", Kinds: []string{"packages"}}, // a repository may be reachable only now
		{Name: "sysctl", Kinds: []string{"sysctl"}},     // ARP is quiet before any VIP exists
		{Name: "tunnel", Kinds: []string{"tunnel"}},
		{Name: "mss", Kinds: []string{"mangle"}, Hosts: AllButDirectors}, // before anything comes through a tunnel
		{Name: StageVIP, Kinds: []string{"vip"}},
		{Name: "httpd", Kinds: []string{"httpd"}},
		{Name: "boot", Kinds: []string{"boot"}},
		{Name: StagePath},                          // packets would get through, before any is sent
		{Name: StageIPVS, Kinds: []string{"ipvs"}}, // directors only: nothing else wants it
		// A marked packet finds its service by the mark first: the service is there
		// before the mark, and stays until the mark is gone, or new connections
		// would be refused in between.
		{Name: "marks", Kinds: []string{"mangle"}, Hosts: OnlyDirectors},
		{Name: StageProbe},
	}
}

// FirstStages are the stages with kinds, without those that are a second try.
func FirstStages() []Stage {
	var first []Stage
	for _, s := range Stages() {
		if len(s.Kinds) > 0 && !slices.ContainsFunc(first, s.Same) {
			first = append(first, s)
		}
	}
	return first
}

// ReverseStages are the stages with kinds, last first. A stage that is tried
// twice on the way forward comes once, at its first place: what a package
// brought goes after everything that may use it.
func ReverseStages() []Stage {
	var reverse []Stage
	for _, s := range FirstStages() {
		slices.Reverse(s.Kinds)
		s.MayFail = false
		reverse = append(reverse, s)
	}
	slices.Reverse(reverse)
	return reverse
}

// KindOrder lists every kind once, in forward order.
func KindOrder() []string {
	var order []string
	seen := map[string]bool{}
	for _, s := range Stages() {
		for _, k := range s.Kinds {
			if !seen[k] {
				seen[k] = true
				order = append(order, k)
			}
		}
	}
	return order
}

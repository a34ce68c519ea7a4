package vip

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// Name is the kind's name.
const Name = "vip"

// The fields of IDs, beside step.ContentField.
const (
	live = "live" // an address on an interface; its value is the address
	mode = "mode" // a file's permission bits in octal
	link = "link" // what a symbolic link holds
	dir  = "dir"  // a directory's permission bits in octal
	boot = "boot" // what runs a script at boot
)

// Runner is what brings the VIPs back at boot.
type Runner string

// The runners.
const (
	RCLocal Runner = "rc.local"
	Unit    Runner = unitName
)

// Observed is what a host has of the VIPs that are wanted or owned.
type Observed struct {
	// Live holds the VIPs that are on their interface, as VIP.String gives them.
	Live map[string]bool
	// Script is the boot script's real path, "/etc/rc.local" or
	// "/etc/rc.d/rc.local".
	Script string
	Runner Runner
	// Blocked says why Script does not run at boot although it could.
	Blocked string
	// IP is the path of ip(8).
	IP string
	// Paths holds what is at the paths of Script, the unit and every owned ID.
	Paths map[string]Path
	// Loopback is the network stack of lo, where a VIP is wanted of it.
	Loopback netconf.Loopback
}

// Path is what is at one path.
type Path struct {
	Content string // of a file; the target of a link
	Mode    string // permission bits, like "0755"
	Kind    string // "file", "link" or "dir"
}

// Diff compares.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	wanted, seen := step.State{}, have.state()
	for _, v := range want.VIPs {
		wanted[step.ID{Key: v.String(), Field: live}] = v.Address
	}
	var changes []step.Change
	if vips := want.kept(false); len(vips) > 0 {
		changes = append(changes, persist(vips, owned, have, wanted)...)
	}
	if vips := want.kept(true); len(vips) > 0 {
		changes = append(changes, native(vips, owned, have, wanted)...)
	}
	for _, c := range step.Reconcile(wanted, owned, seen) {
		changes = append(changes, explain(c, have))
	}
	order(changes)
	return changes
}

// state flattens what is there.
func (o Observed) state() step.State {
	s := step.State{}
	for name := range o.Live {
		address, _, _ := strings.Cut(name, " ")
		s[step.ID{Key: name, Field: live}] = address
	}
	for name, p := range o.Paths {
		switch p.Kind {
		case "file":
			s[step.ID{Key: name, Field: step.ContentField}] = step.EncodeBytes([]byte(p.Content))
			s[step.ID{Key: name, Field: mode}] = p.Mode
		case "link":
			s[step.ID{Key: name, Field: link}] = p.Content
		case "dir":
			s[step.ID{Key: name, Field: dir}] = p.Mode
		}
	}
	for name, text := range o.Loopback.Files.Content {
		s[step.ID{Key: name, Field: step.ContentField}] = step.EncodeBytes([]byte(text))
	}
	return s
}

// persist adds to wanted the boot script, or the unit, that brings the VIPs back,
// and gives blocked changes for what stands in the way.
func persist(vips []VIP, owned step.Owned, have Observed, wanted step.State) []step.Change {
	if have.Runner == Unit {
		wanted[step.ID{Key: unitFile, Field: step.ContentField}] = unit(have.IP, vips)
		wanted[step.ID{Key: wantLink, Field: link}] = unitFile
		id := step.ID{Key: wantsDir, Field: dir}
		if p, there := have.Paths[wantsDir]; there && hasID(owned, id) {
			wanted[id] = p.Mode
		} else if !there {
			wanted[id] = "0755"
		}
		return nil
	}
	script, there := have.Paths[have.Script]
	blocked := have.Blocked
	if blocked == "" {
		blocked = unusable(have.Script, script.Content)
	}
	if blocked != "" {
		return []step.Change{{Action: step.Update, ID: step.ID{Key: have.Script, Field: boot}, To: "runs at boot", Blocked: blocked}}
	}
	content := step.ID{Key: have.Script, Field: step.ContentField}
	text := edit(script.Content, vips)
	// A script that is right by others' hands is theirs: claiming it whole would
	// end in deleting it whole.
	if !there || text != script.Content || hasID(owned, content) {
		wanted[content] = step.EncodeBytes([]byte(text))
	}
	bits := 0o755
	if there {
		fmt.Sscanf(script.Mode, "%o", &bits)
		bits |= 0o111
	}
	wanted[step.ID{Key: have.Script, Field: mode}] = fmt.Sprintf("%04o", bits)
	return nil
}

func hasID(owned step.Owned, id step.ID) bool {
	_, ok := owned[id]
	return ok
}

// explain fits what Reconcile says to files and addresses.
func explain(c step.Change, have Observed) step.Change {
	switch {
	case c.Field == mode && c.Action == step.Delete:
		// The bits of a file that lvsup made go with it, and those it found
		// right stay right.
		return step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: "a mode stays or goes with its file"}
	case c.Field == live && c.Action == step.Delete:
		if line, ok := addedBy(hideBlock(have.Paths[have.Script].Content), parse(c.Key)); ok {
			c.Why = fmt.Sprintf("%s:%d, which lvsup did not write, adds it again at boot: delete that line", have.Script, line)
		}
	case c.Key == unitFile && c.Action == step.Create:
		c.Why = "this host's systemd no longer has rc.local (260 dropped its generator), so a unit does it"
	}
	return c
}

// parse reads a VIP back from an ID's key.
func parse(key string) VIP {
	address, dev, _ := strings.Cut(key, " dev ")
	return VIP{Address: address, Interface: dev}
}

// order puts what is blocked first; then, forward, the live address before the
// files, so that what the kernel refuses is not kept for the next boot; and in
// reverse the files first, so that a reboot in between brings nothing back.
func order(changes []step.Change) {
	forward := []string{boot, live, step.ContentField, mode, dir, link}
	reverse := []string{link, dir, mode, step.ContentField, live}
	rank := func(c step.Change) int {
		if c.Action.Removes() {
			return len(forward) + slices.Index(reverse, c.Field)
		}
		return slices.Index(forward, c.Field)
	}
	step.Sort(changes)
	sort.SliceStable(changes, func(i, j int) bool { return rank(changes[i]) < rank(changes[j]) })
}

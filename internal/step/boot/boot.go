package boot

import (
	"sort"

	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
)

// Name is the kind's name.
const Name = "boot"

// Where the unit lies.
const (
	Unit     = "lvsup-restore.service"
	UnitFile = "/etc/systemd/system/" + Unit
	// LinkFile enables the unit.
	LinkFile = "/etc/systemd/system/multi-user.target.wants/" + Unit
)

// unitContent runs the agent once at boot. Each part of `restore` looks for a
// file of its own and does nothing without it. The unit comes after everything
// that starts with a clean table: Debian's and Red Hat's ipvsadm.service, and
// the firewalls.
const unitContent = `# Written by lvsup: brings back at boot what no other file keeps.
[Unit]
Description=Virtual services, tunnels and packet rules kept by lvsup
After=systemd-modules-load.service systemd-sysctl.service network.target
After=ipvsadm.service nftables.service netfilter-persistent.service iptables.service ip6tables.service firewalld.service ufw.service

[Service]
Type=oneshot
ExecStart=/usr/local/libexec/lvsup/agent restore

[Install]
WantedBy=multi-user.target
`

// The two IDs of the kind. The value of the link is what it holds.
var (
	unitID = step.ID{Key: UnitFile, Field: step.ContentField}
	linkID = step.ID{Key: LinkFile}
)

// Observed is what a host has of the unit and its link.
type Observed struct {
	State step.State
}

// Diff compares. The unit is there before it is enabled, and disabled before it
// goes.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	wanted := step.State{}
	if want.Restore {
		wanted[unitID], wanted[linkID] = unitContent, UnitFile
	}
	changes := step.Reconcile(wanted, owned, have.State)
	sort.SliceStable(changes, func(i, j int) bool { return rank(changes[i]) < rank(changes[j]) })
	return changes
}

func rank(c step.Change) int {
	switch {
	case c.ID == unitID && !c.Action.Removes():
		return 0
	case c.ID == linkID && !c.Action.Removes():
		return 1
	case c.ID == linkID:
		return 2
	}
	return 3
}

// Commands are what a person would type for the change.
func Commands(_ Desired, c step.Change) []string {
	const reload = "systemctl daemon-reload"
	switch {
	case !c.Action.Mutates():
		return nil
	case c.ID == unitID:
		return append(step.FileCommands(c, 0o644), reload)
	case c.Action == step.Delete:
		return []string{"systemctl disable " + Unit}
	case c.Action == step.Create:
		return []string{"systemctl enable " + Unit}
	}
	return []string{shell.Quote("ln", "-sfn", c.To, c.Key), reload}
}

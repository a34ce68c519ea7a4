package vip

import (
	"net/netip"
	"path"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// native adds to wanted the files by which the host's network stack brings the
// VIPs back at boot, and gives a blocked change where it cannot.
func native(vips []VIP, owned step.Owned, have Observed, wanted step.State) []step.Change {
	var all []netip.Prefix
	for _, v := range vips {
		all = append(all, v.prefix())
	}
	files, err := have.Loopback.Plan(all)
	if err != nil {
		return []step.Change{{Action: step.Update, ID: step.ID{Key: "network files", Field: boot}, To: "bring lo up with the VIPs", Blocked: err.Error()}}
	}
	for name, text := range files {
		id := step.ID{Key: name, Field: step.ContentField}
		// A file of all interfaces that is right by others' hands is theirs.
		if name != netconf.InterfacesTop || text != have.Loopback.Files.Content[name] || hasID(owned, id) {
			wanted[id] = step.EncodeBytes([]byte(text))
		}
	}
	return nil
}

// isNetwork tells the files of the network stacks.
func isNetwork(file string) bool {
	return netconf.Watched(file) || file == netconf.InterfacesTop || path.Dir(file) == netconf.InterfacesDir
}

// isDropIn tells the files whose directory was made for them.
func isDropIn(file string) bool { return strings.HasSuffix(path.Dir(file), ".network.d") }

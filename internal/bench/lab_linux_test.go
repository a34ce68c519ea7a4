package bench

import (
	"strings"
	"testing"
)

func TestDirect(t *testing.T) {
	const config = "# lvsup lab x\n# lvsup-lab-client: client\n\nHost node1\n\tHostName 10.254.0.3\n\nHost node1\n\tUser root\n\tProxyCommand lvsup lab connect --lab x %h %p\n"
	const want = "\nHost node1\n\tHostName 10.254.0.3\n\nHost node1\n\tUser root\n"
	if got := direct(config); got != want {
		t.Errorf("got %q", got)
	}
}

// TestInventory holds that the playbook's hosts are the example's, with its addresses.
func TestInventory(t *testing.T) {
	l, err := newLabSite(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	inventory, err := task{folder: "lab"}.file("inventory")
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range l.cluster.Hosts {
		if line := h.Name + " address=" + h.Interfaces[0].Address.Addr().String() + " "; !strings.Contains(string(inventory), "\n"+line) {
			t.Errorf("no %q in\n%s", line, inventory)
		}
	}
}

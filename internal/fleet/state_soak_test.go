//go:build linuxroot && soak

package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
)

// look prints what the plan wants of a host, as it is.
const look = `sysctl -n net.ipv4.tcp_keepalive_time; ip -4 -o address show dev eth1 | awk '{print $4}'
cat /etc/sysctl.d/99-lvsup.conf /etc/network/interfaces.d/lvsup-eth1 2>/dev/null | grep -v '^#' || :`

// wantState looks at all hosts but those that failed in the middle.
func (w *world) wantState(bad map[string]fault, keepalive int) {
	w.t.Helper()
	for _, h := range w.Hosts {
		got := w.exec(h, "sh", "-euc", look)
		f := bad[h.Name]
		done := fmt.Sprintf("%d\n%s\nnet.ipv4.tcp_keepalive_time = %[1]d\nauto eth1\niface eth1 inet static\n    address %[3]s\n    netmask 255.255.0.0\n", keepalive, h.Data(), h.Data().Addr())
		switch bare := "7200\n"; {
		case f.name == "" && got != done:
			w.t.Errorf("%s is not done:\n%s\nwant:\n%s", h.Name, got, done)
		case f.skipped && got != bare:
			w.t.Errorf("%s (%s) was changed:\n%s", h.Name, f.name, got)
		case f.name != "" && got == done:
			w.t.Errorf("%s (%s) is done", h.Name, f.name)
		}
	}
}

// undone are the hosts that have not all that the plan wants.
func (w *world) undone() []string {
	var all []string
	for _, h := range w.Hosts {
		if strings.Count(w.exec(h, "sh", "-euc", look), "\n") < 7 {
			all = append(all, h.Name)
		}
	}
	slices.SortFunc(all, report.CompareHosts)
	return all
}

// stamps are what every write to a host changes, and which hosts are done.
type stamps struct {
	of   map[string]string
	done []string
}

func (w *world) stamps() stamps {
	s := stamps{of: map[string]string{}}
	undone := w.undone()
	for _, h := range w.Hosts {
		if !slices.Contains(undone, h.Name) {
			s.done = append(s.done, h.Name)
			s.of[h.Name] = w.exec(h, "sh", "-euc", "stat -c '%n %i %y' /etc/sysctl.d/99-lvsup.conf /etc/network/interfaces.d/lvsup-eth1 /var/lib/lvsup/owned.json")
		}
	}
	return s
}

// logins are how often lvsup has logged in to each host, as its sshd says.
func (w *world) logins() []int {
	var all []int
	for _, h := range w.Hosts {
		all = append(all, strings.Count(w.Log(h), "Accepted publickey"))
	}
	return all
}

//go:build lab

package main

import (
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Two more commands for scripts:
//
//	typed HOST FILE OUTPUT    write to FILE what lvsup plan --explain, which
//	                          printed OUTPUT, says to type on the host
//	state FILE HOST...        write down what others than lvsup see of the hosts

// cmdTyped copies from the terminal, as a person does: what stands behind a prompt,
// and the lines below it that belong to a quote or a here-document.
func cmdTyped(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: typed HOST FILE OUTPUT")
	}
	var script []string
	host, end, quoted := "", "", false
	for line := range strings.SplitSeq(ts.ReadFile(args[2]), "\n") {
		typed := line
		switch {
		case end != "":
			if line == end {
				end = ""
			}
		case quoted:
			quoted = strings.Count(line, "'")%2 == 0
		case strings.HasPrefix(line, "         $ "):
			typed = strings.TrimPrefix(line, "         $ ")
			if _, word, here := strings.Cut(typed, " <<'"); here {
				end = strings.TrimSuffix(word, "'")
			} else {
				quoted = strings.Count(typed, "'")%2 == 1
			}
		case strings.HasPrefix(line, "   ") && !strings.HasPrefix(line, "    "):
			host = strings.TrimSpace(line)
			continue
		default:
			continue
		}
		if host == args[0] {
			script = append(script, typed)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(script, "\n")+"\n"), 0o600))
}

// state leaves out what is lvsup's own, and what differs between two boots: counters,
// the numbers of interfaces, lifetimes, what the kernel sizes by the memory that was
// free. Which units are enabled is in the links below /etc.
const state = `
find /etc /var/www /usr/local /root -xdev ! -path '/usr/local/libexec*' ! -name .bash_history ! -path /etc/ld.so.cache -printf '%p %y %m %u %l\n' | sort
find /etc /var/www /usr/local /root -xdev -type f ! -path '/usr/local/libexec*' ! -name .bash_history ! -path /etc/ld.so.cache ! -path '/etc/ssh/*' ! -path /etc/machine-id \
	-print0 | sort -z | xargs -0 sha256sum
cat /run/network/ifstate
ip -d addr | sed 's/^[0-9]*: //; s/ qlen [0-9]*//; /valid_lft/d'
for table in main local; do ip -d route show table $table; ip -d -6 route show table $table; done | grep -v mgmt
sysctl -a 2>/dev/null | grep '^net\.' | grep -v 'nf_conntrack_count\|\.tcp_fastopen_key\|stable_secret\|base_reachable_time\|tcp_mem\|udp_mem\|tcp_[rw]mem\|inet_peer_threshold\|tcp_ehash\|tcp_max_orphans\|tcp_max_tw\|sync_qlen_max'
! grep -q '^ip_vs ' /proc/modules || { ipvsadm -S -n; ipvsadm -L -n --timeout; ipvsadm -L -n --daemon; ipvsadm -L -n --tun-info | sed 's/ [0-9]* *[0-9]* *$//'; }
iptables-legacy-save | grep -v '^[#:]'; ip6tables-legacy-save | grep -v '^[#:]'
ip fou show
sort /proc/modules | cut -d ' ' -f 1
systemctl list-units --no-pager --no-legend --plain --type service --state active | awk '{print $1}' | grep -v '^\(user\|getty\|session\)'
dpkg-query -W
true`

func cmdState(ts *testscript.TestScript, neg bool, args []string) {
	onAll(ts, neg, args, state)
}

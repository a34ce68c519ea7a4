package importer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// Keepalived reads keepalived.conf(5): the virtual servers, the timeouts and the
// sync daemon. What needs a process that watches, as health checks and VRRP do, is
// told and left to keepalived.
//
// The error is an Errors.
func Keepalived(src []byte, o Options) (*Result, error) {
	d := newDraft("keepalived", o)
	if len(src) > MaxSize {
		d.fail(Place{File: d.opts.File}, "cannot import more than %d bytes: split the file", MaxSize)
		return nil, d.errors
	}
	k := &keepalived{draft: d, groups: map[string]*statement{}, vrrp: map[string]vrrp{}}
	statements := d.readKeepalived(d.opts.File, src)
	if len(d.errors) > 0 {
		return nil, d.errors
	}
	// A group or an instance may stand behind what names it.
	for _, s := range statements {
		switch s.words[0] {
		case "virtual_server_group":
			k.groups[s.word(1)] = s
		case "vrrp_instance":
			k.instance(s)
		}
	}
	for _, s := range statements {
		if d.full {
			break
		}
		k.top(s)
	}
	for name, g := range k.groups {
		if !slices.Contains(k.used, name) {
			d.end = append(d.end, warn(g.at, "virtual_server_group %s is used by no virtual_server: left out", shorten(name)))
		}
	}
	return d.build()
}

type keepalived struct {
	*draft
	groups map[string]*statement
	used   []string // names of groups
	vrrp   map[string]vrrp
}

// vrrp is what of a VRRP instance the sync daemon needs.
type vrrp struct {
	master bool
	id     int
}

// top reads a statement that stands in no block.
func (k *keepalived) top(s *statement) {
	switch word := s.words[0]; word {
	case "virtual_server":
		k.virtualServer(s)
	case "virtual_server_group", "vrrp_instance": // read before
	case "global_defs":
		for _, inner := range s.block {
			k.global(inner)
		}
	case "vrrp_sync_group", "vrrp_script", "vrrp_track_file", "vrrp_track_process", "track_file", "track_process", "track_bfd",
		"garp_group", "bfd_instance":
		k.end = append(k.end, warn(s.at, "VRRP is not carried over: let keepalived move the addresses, and lvsup the table"))
	case "static_ipaddress", "static_routes", "static_rules", "interface_up_down_delays":
		k.end = append(k.end, warn(s.at, "%s is not carried over: write addresses into the director's interface blocks, or leave them with keepalived", word))
	case "SSL":
		k.end = append(k.end, warn(s.at, "settings of health checks are not carried over"))
	case "net_namespace", "net_namespace_ipvs", "namespace_with_ipsets", "instance", "use_pid_dir", "linkbeat_use_polling",
		"linkbeat_interfaces", "child_wait_time", "process_names", "global_process":
		k.end = append(k.end, warn(s.at, "%s is for keepalived itself: left out", word))
	default:
		k.end = append(k.end, warn(s.at, "unknown keyword %q: left out", shorten(word)))
	}
}

func (k *keepalived) instance(s *statement) {
	var v vrrp
	var addresses []string
	for _, inner := range s.block {
		switch inner.words[0] {
		case "state":
			v.master = inner.word(1) == "MASTER"
		case "virtual_router_id":
			v.id, _ = whole("virtual router ID", inner.word(1), 1, 255)
		case "virtual_ipaddress", "virtual_ipaddress_excluded":
			for _, a := range inner.block {
				addresses = append(addresses, shorten(a.words[0]))
			}
		}
	}
	k.vrrp[s.word(1)] = v
	what := "VRRP instance " + shorten(s.word(1))
	if n := len(addresses); n > 0 {
		const most = 6
		what += " with " + strings.Join(addresses[:min(n, most)], ", ")
		if n > most {
			what += fmt.Sprintf(" and %d more", n-most)
		}
	}
	k.end = append(k.end, warn(s.at, "%s is not carried over: keepalived keeps moving the addresses (keep_vip = false leaves them alone)", what))
}

// global reads a statement of global_defs.
func (k *keepalived) global(s *statement) {
	var err error
	switch word := s.words[0]; word {
	case "lvs_timeouts":
		err = k.setTimeouts(s)
	case "lvs_sync_daemon":
		err = k.setSync(s)
	case "lvs_flush", "lvs_flush_onstop", "lvs_flush_on_stop":
		k.ipvs = append(k.ipvs, warn(s.at, "%s: lvsup flushes nothing; to have it remove what the plan does not name, write exclusive = true into an ipvs block", word))
	case "notification_email", "notification_email_from", "smtp_server", "smtp_helo_name", "smtp_connect_timeout", "smtp_alert",
		"smtp_alert_vrrp", "smtp_alert_checker", "no_email_faults", "no_checker_emails", "checker_log_all_failures", "email_faults":
		k.end = append(k.end, warn(s.at, "mail is not carried over: run lvsup drift from cron to be told of differences"))
	case "script_user", "enable_script_security", "notify_fifo", "notify_fifo_script", "lvs_notify_fifo", "lvs_notify_fifo_script",
		"vrrp_notify_fifo", "vrrp_notify_fifo_script", "notify_priority_changes", "fifo_write_vrrp_states_on_reload":
		k.end = append(k.end, noScripts(s.at))
	default:
		switch {
		case strings.HasPrefix(word, "vrrp_"):
			k.end = append(k.end, warn(s.at, "VRRP is not carried over: let keepalived move the addresses, and lvsup the table"))
		case hasPrefix(word, "checker_", "bfd_", "lvs_", "snmp_", "enable_", "dbus_", "process_", "max_auto_", "rs_", "vs_", "reload_",
			"startup_", "shutdown_", "json_", "dynamic_", "default_", "disable_", "nftables", "iptables", "use_", "umask", "tmp_", "log_",
			"random_seed", "router_id", "config_", "allow_", "prefix_", "update_", "include_", "data_", "min_"):
			k.end = append(k.end, warn(s.at, "%s is for keepalived itself: left out", shorten(word)))
		default:
			k.end = append(k.end, warn(s.at, "unknown keyword %q: left out", shorten(word)))
		}
	}
	if err != nil {
		k.fail(s.at, "%s", err)
	}
}

func hasPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

func noScripts(at Place) note {
	return warn(at, "scripts that are told of changes are not carried over: lvsup runs none")
}

// setTimeouts reads "lvs_timeouts tcp 900 tcpfin 120 udp 300", each optional.
func (k *keepalived) setTimeouts(s *statement) error {
	for i := 1; i < len(s.words); i += 2 {
		to := map[string]*time.Duration{"tcp": &k.timeouts.TCP, "tcpfin": &k.timeouts.TCPFin, "udp": &k.timeouts.UDP}[s.words[i]]
		if to == nil {
			return fmt.Errorf("cannot read lvs_timeouts: it has tcp, tcpfin and udp, not %q", shorten(s.words[i]))
		}
		n, err := whole("timeout", s.word(i+1), 1, maxTimeout)
		if err != nil {
			return err
		}
		*to = time.Duration(n) * time.Second
	}
	return nil
}

// setSync reads "lvs_sync_daemon INTERFACE [[inst] INSTANCE] [id N] [maxlen N]
// [port N] [ttl N] [group ADDRESS]", and the older INTERFACE INSTANCE ID.
func (k *keepalived) setSync(s *statement) error {
	if len(k.sync) > 0 {
		k.ipvs = append(k.ipvs, warn(s.at, "a second lvs_sync_daemon is left out, as keepalived does"))
		return nil
	}
	sync := newSync(plans.SyncMaster)
	if err := setSync(&sync, "mcast-interface", s.word(1)); err != nil {
		return err
	}
	options := map[string]string{"id": "syncid", "maxlen": "sync-maxlen", "port": "mcast-port", "ttl": "mcast-ttl", "group": "mcast-group"}
	instance, hasID := "", false
	for i := 2; i < len(s.words); i++ {
		option := options[s.words[i]]
		switch {
		case option != "":
			i++
			if err := setSync(&sync, option, s.word(i)); err != nil {
				return err
			}
			hasID = hasID || option == "syncid"
		case s.words[i] == "inst":
			i++
			instance = s.word(i)
		case i == 2:
			instance = s.words[i]
		default:
			if err := setSync(&sync, "syncid", s.words[i]); err != nil {
				return err
			}
			hasID = true
		}
	}
	v, known := k.vrrp[instance]
	if known && !v.master {
		sync.Role = plans.SyncBackup
	}
	if !hasID && known {
		sync.ID = v.id // as keepalived does
	}
	k.sync = append(k.sync, sync)
	k.ipvs = append(k.ipvs, warn(s.at, "keepalived turns the sync daemon between master and backup as VRRP goes; the plan keeps it %s: take the sync block out if keepalived goes on with VRRP", sync.Role))
	return nil
}

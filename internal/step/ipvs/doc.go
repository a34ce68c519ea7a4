// Package ipvs is the kind of virtual services and their backends, of the
// timeouts and the sync daemons: all that a director's IPVS can be told, kept
// for the next boot.
//
// A service is one value, ID{Key: "TCP 192.168.146.100:80"} or {Key: "FWM 1"},
// whose text has all its settings in ipvsadm's words: "rr", "sh (sh-port)
// persistent 10". A backend is one value, ID{Key: "TCP 192.168.146.100:80 ->
// 192.168.177.10:80"}: "nat weight 1". So each edit of a plan is one change in
// place, never a delete and an add, and the text is enough to put a value back.
// Of timeouts ("timeout tcp") and daemons ("sync daemon master") only those
// that a plan names are managed.
//
// Backends go gently: weight 0, wait until they have no connection or the
// plan's deadline is over, delete. What "no connection" means is at
// connections; what persistence does to a drain is at quiesce. Entries of
// others are never touched, not even by the deletion of a service of ours that
// they have joined, unless the plan says that the table is lvsup's alone
// (Exclusive). Sync daemons are no part of that table: one that the plan does
// not name is left alone in any case.
package ipvs

// Package selinux is the kind that keeps SELinux enforcing, takes it to
// permissive, now and at boot, or switches it off for the next boot, as the plan
// says.
//
// What lvsup puts on a host that enforces needs the labels that its policy names:
// atomicfile gives them to new files, the agent to its own directory.
package selinux

// Package bench measures lvsup against what people use otherwise: Ansible, tuned, with
// a playbook that comes to the same end, and OpenSSH running true on every host, which
// is the least that anything over SSH can do. The hosts are a fleet of namespaces, or
// guests of the lab.
package bench

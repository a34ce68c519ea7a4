// Package selinux is the kind that takes SELinux from enforcing to permissive,
// now and at boot, or switches it off for the next boot, where the plan says so.
package selinux

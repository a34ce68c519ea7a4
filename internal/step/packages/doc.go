// Package packages is the kind that installs what a plan needs and the host
// lacks, through the host's own package manager. A package that is there
// already is neither upgraded nor owned; what lvsup installed, with what came
// along, goes again when nothing wants it.
package packages

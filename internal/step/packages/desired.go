package packages

import (
	"fmt"
	"regexp"
)

// Desired is what a plan wants installed on one host. The zero value wants
// nothing.
type Desired struct {
	// Packages are names as the plan lists them. "httpd" and "apache2" both
	// mean the Apache web server, whatever the host's distribution calls it.
	Packages []string `json:"packages,omitempty"`
	Apache   bool     `json:"apache,omitempty"` // the web server, for a test page
}

// nameRE leaves out what apt-get(8) would read as an order: "name-" removes.
var nameRE = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9+._-]{0,126}[A-Za-z0-9+])?$`)

// Validate names the package that no package manager would take.
func Validate(want Desired) error {
	for _, name := range want.Packages {
		if !nameRE.MatchString(name) {
			return fmt.Errorf("packages: %q is not the name of a package", name)
		}
	}
	return nil
}

package hcl

import (
	"github.com/hashicorp/hcl/v2/hclwrite"

	"github.com/lvsup/lvsup/plans"
)

// Format gives the text of a plan file, or of a file of values, as lvsup writes
// plans: two spaces for each level, and the "=" of lines that belong together in
// one column. Text that cannot be parsed comes back as it is, with the reason.
func Format(filename string, src []byte) ([]byte, []plans.Diagnostic) {
	var r report
	if parseFile(filename, src, &r); r.hasErrors() {
		return src, r.sorted()
	}
	return hclwrite.Format(src), nil
}

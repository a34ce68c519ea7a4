package hcl

// elsewhere says what a plan has for a block or an attribute that people know
// from Terraform or netplan; "" for other words.
func elsewhere(word string) string {
	switch word {
	case "bridge", "bridges":
		return "lvsup makes VLANs and bonds, and no bridges. One that the host has already takes its addresses from a block of its name: interface \"br0\"."
	case "data":
		return "A plan reads no data sources. What varies is given as a variable."
	case "depends_on":
		return "lvsup finds the order by itself: leave this out."
	case "dynamic":
		return "The block itself takes for_each:\n  backend {\n    for_each = real_server\n    host     = each.value\n  }"
	case "lifecycle":
		return "lvsup changes things in place and never makes a host anew: leave this out."
	case "provider":
		return "A plan needs no providers. How hosts are reached stands in a connection block."
	case "resource":
		return "What a plan describes has blocks of its own: director, real_server, host and virtual_service."
	case "terraform":
		return "A plan needs no settings of this kind: leave the block out."
	}
	return ""
}

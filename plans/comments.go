package plans

// Comments are remarks that stand in a written plan beside what a Cluster says.
// Each element is one line of text, without the "#" and without line breaks; an
// empty element is an empty comment line.
type Comments struct {
	Head     []string          // above everything
	IPVS     []string          // above the ipvs block, or where it would stand
	Director []string          // above the first director
	Services []ServiceComments // of Cluster.Services, by index; may be shorter
	End      []string          // below everything
}

// ServiceComments are the remarks about one virtual service.
type ServiceComments struct {
	Above    []string   // above the block
	Backends [][]string // above each backend, by index; may be shorter
	End      []string   // below the last backend
}

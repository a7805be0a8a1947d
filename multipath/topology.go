package multipath

// A Topology is what one source says about the multipath maps of a host. Its
// strings share the memory of the text that was read.
type Topology struct {
	Maps []Map `json:"maps"`
	// Form is how the source was printed. What a form cannot tell is told by
	// [Topology.Unknowns].
	Form Form `json:"-"`
	// Noise counts the lines (outside the value, for JSON) that are neither
	// header, properties, group nor path of a map: logs, prompts, tables.
	Noise int `json:"-"`
}

package main

import "os"

// keeperArg is how this program starts itself as a guest's keeper.
const keeperArg = "keep-a-guest"

// keeperEnv holds the keeper's spec, as JSON.
const keeperEnv = "LUNSWEEP_LAB_GUEST"

// A spec is what a guest is made of.
type spec struct {
	Kernel  string   // folder of the kernel and of the libraries it needs
	Root    string   // folder of the distribution, which the guest only reads
	Payload string   // folder that the guest sees, read-write, as /payload
	Args    []string // more of the kernel's command line
	CPU     int      // that it runs on; -1 for any
}

// A machine is a running guest.
type machine struct {
	process *os.Process
	ended   chan struct{} // closed when the guest and all its processes are gone
}

// kill ends the guest at once, and waits until nothing of it is left.
func (m *machine) kill() {
	_ = m.process.Kill()
	<-m.ended
}

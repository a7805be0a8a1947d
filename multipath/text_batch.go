package multipath

// A batch hands out the parts of a topology from chunks, so that reading takes
// a few allocations for many maps.
type batch struct {
	maps   []Map
	groups slab[Group]
	paths  slab[Path]
	prios  slab[int]      // JSON's
	states slab[MapState] // JSON's
	packer packer
}

// newBatch makes a batch for a text that has about so many bytes per path.
func newBatch(perPath int) batch {
	b := batch{}
	b.paths.each = perPath
	b.groups.each = perPath * usualPaths
	b.prios.each = b.groups.each
	b.states.each = b.groups.each * usualGroups
	return b
}

// Maps of a few groups of a few paths each are what is usual. Anything else
// shows soon, and only takes an allocation more.
const (
	textPath = 72 // bytes per path, its share of group and map included
	jsonPath = 320

	usualPaths  = 4 // per group
	usualGroups = 2 // per map
)

// addMap adds a map, where pos of size bytes are read. How many follow is
// guessed from how many there were.
func (b *batch) addMap(pos, size int) *Map {
	n := len(b.maps)
	if n == cap(b.maps) {
		guess := min(size/(b.groups.each*usualGroups)+1, firstMaps)
		if n > 0 {
			guess = n*size/max(pos, 1) + 1
			guess = max(n+n/4+1, min(guess+guess/16, 64*n)) // by a part of n at least: the cost stays linear
		}
		maps := make([]Map, n, guess)
		copy(maps, b.maps)
		b.maps = maps
	}
	b.maps = b.maps[:n+1]
	return &b.maps[n]
}

// number keeps an integer, where pos of size bytes are read.
func (b *batch) number(n, pos, size int) *int {
	p := b.prios.add(pos, size)
	*p = n
	b.prios.take()
	return p
}

// state makes what a map of JSON has beside, where pos of size bytes are read.
func (b *batch) state(pos, size int) *MapState {
	s := b.states.add(pos, size)
	b.states.take()
	return s
}

// A slab is a chunk of elements, of which the last run is still growing.
type slab[T any] struct {
	chunk []T
	start int // of the run
	full  int // elements in the chunks before
	each  int // bytes of text per element, as far as one can know beforehand
}

// add adds an element to the run, where pos of size bytes are read.
func (s *slab[T]) add(pos, size int) *T {
	if len(s.chunk) == cap(s.chunk) {
		s.grow(pos, size)
	}
	s.chunk = s.chunk[:len(s.chunk)+1]
	return &s.chunk[len(s.chunk)-1]
}

const (
	firstMaps = 16
	mostChunk = 512
)

// grow begins a chunk and takes the run along. How many elements follow is
// guessed from how many there were.
func (s *slab[T]) grow(pos, size int) {
	run := s.chunk[s.start:]
	s.full += s.start
	n := s.full + len(run)
	guess := size/s.each + 1
	if n > 0 {
		guess = n*(size-pos)/max(pos, 1) + n/16 + 1
	}
	chunk := make([]T, len(run), 2*len(run)+min(guess, mostChunk))
	copy(chunk, run)
	s.chunk, s.start = chunk, 0
}

// take ends the run and returns it. It is never nil.
func (s *slab[T]) take() []T {
	run := s.chunk[s.start:len(s.chunk):len(s.chunk)]
	s.start = len(s.chunk)
	if run == nil {
		run = []T{}
	}
	return run
}

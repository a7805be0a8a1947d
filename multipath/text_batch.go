package multipath

// A batch hands out the parts of a topology from chunks, so that reading takes
// a few allocations for many maps.
type batch struct {
	perPath int // bytes of text, the path's share of group and map included
	maps    []Map
	groups  slab[Group]
	table   *pathTable

	// Only JSON's:
	packer  packer
	rows    slab[groupRow]
	makers  slab[maker]
	sizes   slab[properties]
	states  slab[MapState]
	numbers slab[int]
}

// newBatch makes a batch for a text that has about so many bytes per path.
func newBatch(perPath int) batch {
	b := batch{perPath: perPath, table: &pathTable{}}
	group := perPath * usualPaths
	b.groups.each, b.rows.each = group, group
	b.makers.each, b.sizes.each, b.states.each, b.numbers.each = group*usualGroups, group*usualGroups, group*usualGroups, group*usualGroups
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
		b.maps = withRoom(b.maps, min(size/(b.groups.each*usualGroups)+1, firstMaps), pos, size)
	}
	b.maps = b.maps[:n+1]
	return &b.maps[n]
}

// shared keeps what maps have in common with the one before.
func (b *batch) shared(made maker, has properties) (*maker, *properties) {
	if n := len(b.maps); n > 0 && *b.maps[n-1].maker == made && *b.maps[n-1].properties == has {
		return b.maps[n-1].maker, b.maps[n-1].properties
	}
	m, p := new(maker), new(properties) // here, not for every line that could have been one
	*m, *p = made, has
	return m, p
}

// row adds a path for a row that is filled later, where pos of size bytes are
// read.
func (b *batch) row(pos, size int) *pathRow {
	t := b.table
	if len(t.rows) == cap(t.rows) {
		b.room(pos, size)
	}
	t.rows = t.rows[:len(t.rows)+1]
	return &t.rows[len(t.rows)-1]
}

// room makes room for one path more.
func (b *batch) room(pos, size int) {
	b.table.rows = withRoom(b.table.rows, min(size/b.perPath+1, mostChunk), pos, size)
}

// len returns how many paths there are.
func (b *batch) len() uint32 { return uint32(len(b.table.rows)) }

// withRoom returns all with room for one more at least, where pos of size bytes
// are read.
func withRoom[T any](all []T, first, pos, size int) []T {
	n := len(all)
	if n < cap(all) {
		return all
	}
	guess := first
	if n > 0 {
		guess = n*size/max(pos, 1) + 1
		guess = max(n+n/4+1, min(guess+guess/16, 64*n)) // by a part of n at least: the cost stays linear
	}
	more := make([]T, n, guess)
	copy(more, all)
	return more
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

// one makes one element more, which is no part of a run, where pos of size bytes
// are read.
func one[T any](s *slab[T], pos, size int) *T {
	element := s.add(pos, size)
	s.take()
	return element
}

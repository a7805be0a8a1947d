package multipath

// A batch hands out the parts of a topology from chunks, so that reading takes
// a few allocations for many maps.
type batch struct {
	maps   []Map
	groups slab[Group]
	paths  slab[Path]
	prios  slab[int]
}

// addMap adds a map, where pos of size bytes are read. How many follow is
// guessed from how many there were.
func (b *batch) addMap(pos, size int) *Map {
	n := len(b.maps)
	if n == cap(b.maps) {
		guess := 4
		if n > 0 {
			guess = max(2*n, min(n*size/pos+n/16+1, 64*n))
		}
		maps := make([]Map, n, guess)
		copy(maps, b.maps)
		b.maps = maps
	}
	b.maps = b.maps[:n+1]
	return &b.maps[n]
}

// number keeps an integer.
func (b *batch) number(n int) *int {
	p := b.prios.add(1)
	*p = n
	b.prios.take()
	return p
}

// A slab is a chunk of elements, of which the last run is still growing.
type slab[T any] struct {
	chunk []T
	start int // of the run
}

// add adds an element to the run. Where that takes a new chunk, hint says how
// many elements may still come.
func (s *slab[T]) add(hint int) *T {
	n := len(s.chunk)
	if n == cap(s.chunk) {
		s.grow(hint)
		n = len(s.chunk)
	}
	s.chunk = s.chunk[:n+1]
	return &s.chunk[n]
}

const (
	leastChunk = 16
	mostChunk  = 512
)

func (s *slab[T]) grow(hint int) {
	run := s.chunk[s.start:]
	chunk := make([]T, len(run), 2*len(run)+min(max(hint, leastChunk), mostChunk))
	copy(chunk, run)
	s.chunk, s.start = chunk, 0
}

// undo takes the last element of the run back.
func (s *slab[T]) undo() {
	var zero T
	n := len(s.chunk) - 1
	s.chunk[n] = zero
	s.chunk = s.chunk[:n]
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

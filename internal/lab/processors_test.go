package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Guests go where the fewest are, and a place that is given back is taken again.
func TestProcessors(t *testing.T) {
	p := newProcessors([]int{3, 1})
	first, back := p.take()
	second, _ := p.take()
	third, _ := p.take()
	assert.Equal(t, []int{1, 3, 1}, []int{first, second, third})
	back()
	fourth, _ := p.take()
	fifth, _ := p.take()
	assert.Equal(t, []int{1, 3}, []int{fourth, fifth})

	none, _ := newProcessors(nil).take()
	assert.Equal(t, -1, none)
}

//go:build !linux

package main

import (
	"errors"
	"os"
)

func boot(spec, *os.File) (*machine, error) { return nil, errors.ErrUnsupported }

func keep() int { return 125 }

func lock(string) (func(), error) { return nil, errors.ErrUnsupported }

func allowed() []int { return nil }

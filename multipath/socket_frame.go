package multipath

import (
	"context"
	"encoding/binary"
	"io"
	"math/bits"
	"net"
	"strings"
	"time"

	"github.com/pkg/errors"
)

// The frame, in both directions:
//
//	+-------------------------+----------------------+-----+
//	| length, native size_t   | text                 | NUL |
//	| 8 bytes (4 on 32 bit)   | length-1 bytes       |     |
//	+-------------------------+----------------------+-----+
//
// The daemon drops a connection whose length is 0, over 512, or comes in two
// pieces. A 32-bit program cannot talk to a 64-bit daemon.
const (
	wordSize    = bits.UintSize / 8
	longestAsk  = 512
	longestTell = 32 << 20
)

// frame returns text as it goes over the wire.
func frame(text string) ([]byte, error) {
	n := len(text) + 1
	if n > longestAsk {
		return nil, errors.WithStack(ErrForbidden)
	}
	b := make([]byte, wordSize, wordSize+n)
	putSize(b, uint64(n))
	return append(append(b, text...), 0), nil
}

func putSize(b []byte, n uint64) {
	if wordSize == 8 {
		binary.NativeEndian.PutUint64(b, n)
		return
	}
	binary.NativeEndian.PutUint32(b, uint32(n))
}

func size(b []byte) uint64 {
	if wordSize == 8 {
		return binary.NativeEndian.Uint64(b)
	}
	return uint64(binary.NativeEndian.Uint32(b))
}

// readFrame reads one reply, without its NUL. Memory grows with what arrives,
// not with what is announced, and what it has grown to is the text: it is parsed
// where it is.
func readFrame(r io.Reader) (string, error) {
	head := make([]byte, wordSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", errors.WithStack(err)
	}
	n := size(head)
	if n == 0 || n >= longestTell {
		return "", errors.WithMessagef(ErrReply, "announces %d bytes", n)
	}
	var body strings.Builder
	if _, err := io.CopyN(&body, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return "", errors.WithStack(err)
	}
	text := body.String()
	if text[n-1] != 0 {
		return "", errors.WithMessage(ErrReply, "does not end in NUL")
	}
	return text[:n-1], nil
}

// exchange sends one order and waits for its reply until ctx ends; began
// reports whether any of it may have reached the daemon. After an error the
// connection is good for nothing: the reply could still come.
func exchange(ctx context.Context, c net.Conn, text string) (reply string, began bool, err error) {
	out, err := frame(text)
	if err != nil {
		return "", false, err
	}
	if err := ctx.Err(); err != nil {
		return "", false, err
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		return "", false, errors.WithStack(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if n, err := c.Write(out); err != nil {
		return "", n > 0, because(ctx, err)
	}
	reply, err = readFrame(c)
	if err != nil {
		return "", true, because(ctx, err)
	}
	if !stop() {
		return "", true, because(ctx, ctx.Err()) // its deadline may hit the next exchange
	}
	return reply, true, nil
}

// because prefers the context's error to what it made of the connection.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.WithStack(ctx.Err())
	}
	return err
}

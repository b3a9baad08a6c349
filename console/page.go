package console

import (
	"encoding/base64"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"domicile/directory"
)

// page bounds of the lists that have pages.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// Paging asks for one page of a list.
type Paging struct {
	Size  int    // 0: DefaultPageSize; at most MaxPageSize
	Token string // NextPageToken of the page before; "" for the first
}

// bounds gives how many rows the page has at most, and the place after which it begins; "" is the beginning. Errors:
// KindInvalid.
func (p Paging) bounds() (size int, after string, err error) {
	if size, err = p.size(); err == nil {
		after, err = p.after()
	}
	return size, after, err
}

// newestFirst is bounds for rows that have a seq and an ordinal; the beginning is after all of them.
func (p Paging) newestFirst() (size int, older func(seq uint64, ordinal uint32) bool, err error) {
	size, after, err := p.bounds()
	if err != nil || after == "" {
		return size, func(uint64, uint32) bool { return true }, err
	}
	last, ordinal, ok := parsePair(after)
	if !ok {
		return 0, nil, badPageToken()
	}
	return size, func(s uint64, o uint32) bool { return s < last || s == last && o < ordinal }, nil
}

func (p Paging) size() (int, error) {
	if p.Size == 0 {
		return DefaultPageSize, nil
	}
	if p.Size < 1 || p.Size > MaxPageSize {
		return 0, directory.Errorf(directory.KindInvalid, "page_size", "page_size must be 1 to %d", MaxPageSize)
	}
	return p.Size, nil
}

func (p Paging) after() (string, error) {
	place, err := base64.RawURLEncoding.Strict().DecodeString(p.Token)
	if err != nil {
		return "", badPageToken()
	}
	return string(place), nil
}

func badPageToken() error {
	return directory.Errorf(directory.KindInvalid, "page_token", "page_token must be the next_page_token of an earlier answer")
}

// take gives the first size rows, and the token of the next page where there is one: the place of the last row.
func take[T any](rows iter.Seq[T], size int, place func(T) string) (page []T, next string) {
	for row := range rows {
		if len(page) == size {
			return page, base64.RawURLEncoding.EncodeToString([]byte(place(page[size-1])))
		}
		page = append(page, row)
	}
	return page, ""
}

// where leaves out the rows that keep does not want.
func where[T any](rows iter.Seq[T], keep func(T) bool) iter.Seq[T] {
	return func(yield func(T) bool) {
		for row := range rows {
			if keep(row) && !yield(row) {
				return
			}
		}
	}
}

// pair writes a place, or an id, of two numbers; parsePair reads nothing but what pair wrote.
func pair(a uint64, b uint32) string { return fmt.Sprintf("%d.%d", a, b) }

func parsePair(text string) (a uint64, b uint32, ok bool) {
	left, right, _ := strings.Cut(text, ".")
	a, errA := strconv.ParseUint(left, 10, 64)
	wide, errB := strconv.ParseUint(right, 10, 32)
	b = uint32(wide)
	return a, b, errA == nil && errB == nil && pair(a, b) == text
}

package command

import (
	"math"
	"time"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Result is what the ledger answers to one command. It is remembered with the request id and crosses the peer link, so
// its fields are append-only.
type Result struct {
	Seq      uint64         // the command's place in the ledger
	Version  uint64         // version of the touched resource: Seq, or an older one when nothing changed
	Changed  bool           // false for a true no-op
	Created  directory.Time // of the touched resource
	Modified directory.Time
	// Error is the ledger's refusal, nil on success. Its cause (Err) is not carried.
	Error *directory.Error
}

// Err gives the refusal as an error, nil on success.
func (r *Result) Err() error {
	if r.Error == nil {
		return nil
	}
	return r.Error
}

// Encode appends the result to w.
func (r *Result) Encode(w *wire.Writer) {
	w.Uint(r.Seq)
	w.Uint(r.Version)
	w.Bool(r.Changed)
	w.Int(int64(r.Created))
	w.Int(int64(r.Modified))
	if r.Error == nil {
		w.Uint(0)
		return
	}
	w.Uint(uint64(r.Error.Kind))
	w.Text(r.Error.Field)
	w.Text(r.Error.Detail)
	w.Int(int64(r.Error.RetryAfter))
}

// DecodeResult reads what Encode wrote.
func DecodeResult(r *wire.Reader) Result {
	res := Result{
		Seq: r.Uint(), Version: r.Uint(), Changed: r.Bool(),
		Created: directory.Time(r.Int()), Modified: directory.Time(r.Int()),
	}
	if kind := r.Uint(); kind != 0 {
		res.Error = &directory.Error{
			Kind: directory.Kind(min(kind, math.MaxUint8)), Field: r.Text(), Detail: r.Text(), RetryAfter: time.Duration(r.Int()),
		}
	}
	return res
}

package cluster

import (
	"errors"
	"fmt"
	"time"

	"domicile/directory"
	"domicile/fsm/wire"
)

// verdict is the first byte of every answer: whether the call was carried out, and if not, what the caller can do.
type verdict byte

const (
	verdictDone    verdict = 0 // the call's own answer follows
	verdictRetry   verdict = 1 // certainly not; try again once leadership has settled
	verdictBusy    verdict = 2 // certainly not; give up now and come back later
	verdictFailed  verdict = 3 // an error that trying again does not mend
	verdictUnknown verdict = 4 // perhaps; try again once leadership has settled
	verdictRefused verdict = 5 // a refusal whose kind and words are for the caller
)

func verdictOf(err error) verdict {
	switch {
	case errors.Is(err, errNotLeader):
		return verdictRetry
	case errors.Is(err, errUnknown), errors.Is(err, errLeaderChanged), errors.Is(err, errLink):
		return verdictUnknown
	case errors.Is(err, errBusy), errors.Is(err, errLate), directory.KindOf(err) == directory.KindUnavailable:
		return verdictBusy
	}
	if kind := directory.KindOf(err); kind != directory.KindInternal {
		return verdictRefused
	}
	return verdictFailed
}

func encodeFailure(err error) []byte {
	v := verdictOf(err)
	w := wire.NewWriter([]byte{byte(v)})
	if refusal, ok := errors.AsType[*directory.Error](err); ok && v == verdictRefused {
		w.Uint(uint64(refusal.Kind))
		w.Text(refusal.Detail)
		return w.Bytes()
	}
	w.Text(err.Error())
	return w.Bytes()
}

// openAnswer gives the call's own answer, or the peer's error as one of ours.
func openAnswer(body []byte) (*wire.Reader, error) {
	if len(body) == 0 {
		return nil, fmt.Errorf("%w: empty answer", wire.ErrMalformed)
	}
	r := wire.NewReader(string(body[1:]))
	switch verdict(body[0]) {
	case verdictDone:
		return r, nil
	case verdictRetry:
		return nil, peerError{text: r.Text(), kind: errNotLeader}
	case verdictUnknown:
		return nil, peerError{text: r.Text(), kind: errUnknown}
	case verdictBusy:
		return nil, directory.Unavailable(retryLater(), nil, "%s", r.Text())
	case verdictRefused:
		kind := directory.Kind(r.Uint()) //nolint:gosec // a small number
		return nil, directory.Errorf(kind, "", "%s", r.Text())
	default:
		return nil, errors.New(r.Text())
	}
}

// peerError is an error of ours that a peer met.
type peerError struct {
	text string
	kind error
}

func (e peerError) Error() string { return "peer: " + e.text }
func (e peerError) Unwrap() error { return e.kind }

// unavailable is what a caller of this room gets when the node could not serve it in time.
func unavailable(cause error, format string, args ...any) *directory.Error {
	return directory.Unavailable(retryLater(), cause, format, args...)
}

// retryLater spreads the return of the refused over 1 to 3 seconds.
func retryLater() time.Duration {
	return time.Second + time.Duration(time.Now().UnixNano()%int64(2*time.Second))
}

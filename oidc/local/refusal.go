package local

import (
	"strings"

	"domicile/directory"
	"domicile/seal"
)

// Reason says precisely why something was refused: a code for logs and metric labels, never for the page.
type Reason string

// The reasons.
const (
	ReasonForm             Reason = "form_malformed" // an address that is none, a code of the wrong shape
	ReasonChallengeMissing Reason = "challenge_missing"
	ReasonChallengeInvalid Reason = "challenge_invalid"
	ReasonChallengeExpired Reason = "challenge_expired"
	ReasonReplayed         Reason = "replayed"
	ReasonTries            Reason = "too_many_tries" // of one challenge: another one may be begun. Looks like a wrong code
	ReasonCodeWrong        Reason = "code_wrong"
	ReasonPasskey          Reason = "passkey_refused"
	ReasonPasskeyUnknown   Reason = "passkey_unknown"
	ReasonPasskeyCloned    Reason = "passkey_cloned"
	ReasonStanding         Reason = "not_allowed" // the address may not, or no longer, sign in here
	ReasonLink             Reason = "setup_link"  // of another region, expired or used
	ReasonNotFresh         Reason = "not_fresh"
	ReasonNotYours         Reason = "not_local" // the session came through an identity provider, or breaks glass
	ReasonFull             Reason = "full"      // as many passkeys as there may be
	ReasonUnavailable      Reason = "unavailable"
	ReasonInternal         Reason = "internal"
)

// Class groups reasons by what the person is told.
type Class uint8

const (
	// ClassInternal is a fault of ours.
	ClassInternal Class = iota
	// ClassForm is a form to be filled in anew.
	ClassForm
	// ClassExpired is a sign-in that cannot be finished and has to be started again.
	ClassExpired
	// ClassWrong is a code that is not the one that was mailed, if one was, or comes after too many others.
	ClassWrong
	// ClassRefused is a means of signing in that is not accepted.
	ClassRefused
	// ClassLink is a link of a mail that no longer works.
	ClassLink
	// ClassNotFresh is a session that is too old for what was asked.
	ClassNotFresh
	// ClassNotYours is a session that has nothing to manage here.
	ClassNotYours
	// ClassUnavailable is a passing state of this region.
	ClassUnavailable
)

// classes has a row per reason.
var classes = map[Reason]Class{
	ReasonForm:             ClassForm,
	ReasonFull:             ClassForm,
	ReasonChallengeMissing: ClassExpired,
	ReasonChallengeInvalid: ClassExpired,
	ReasonChallengeExpired: ClassExpired,
	ReasonReplayed:         ClassExpired,
	ReasonTries:            ClassWrong,
	ReasonCodeWrong:        ClassWrong,
	ReasonPasskey:          ClassRefused,
	ReasonPasskeyUnknown:   ClassRefused,
	ReasonPasskeyCloned:    ClassRefused,
	ReasonStanding:         ClassRefused,
	ReasonLink:             ClassLink,
	ReasonNotFresh:         ClassNotFresh,
	ReasonNotYours:         ClassNotYours,
	ReasonUnavailable:      ClassUnavailable,
	ReasonInternal:         ClassInternal,
}

// Class gives the group of a reason.
func (r Reason) Class() Class { return classes[r] }

// Refusal is why something was not done. It names no person and quotes nothing that came from outside.
type Refusal struct {
	Reason    Reason
	Reference string // eight letters and digits that the person can read out; the log line has the same
	Err       error  // the cause, for errors.Is; never shown, never logged
}

// Error gives the reason and the reference.
func (r *Refusal) Error() string {
	return "refused: " + string(r.Reason) + " (" + r.Reference + ")"
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// refuse makes a refusal with a new reference.
func refuse(reason Reason, cause error) *Refusal {
	return &Refusal{Reason: reason, Reference: strings.ToUpper(seal.NewID()[:8]), Err: cause}
}

// ledgerReason says what the ledger's refusal of a session or of credentials means.
func ledgerReason(err error) Reason {
	switch directory.KindOf(err) {
	case directory.KindReplayed:
		return ReasonReplayed
	case directory.KindUnauthenticated:
		return ReasonChallengeExpired
	case directory.KindForbidden, directory.KindNotFound:
		return ReasonStanding
	case directory.KindTooLarge:
		return ReasonFull
	case directory.KindConflict:
		return ReasonPasskey // registered already
	case directory.KindUnavailable, directory.KindExpired:
		return ReasonUnavailable
	default:
		return ReasonInternal
	}
}

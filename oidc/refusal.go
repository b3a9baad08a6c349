package oidc

import (
	"strings"

	"domicile/directory"
	"domicile/seal"
)

// Reason says precisely why a sign-in was refused: a code for logs, audit and metric labels, never for the page.
type Reason string

// The reasons, in the order in which a callback is judged.
const (
	ReasonRequest            Reason = "request_malformed"
	ReasonNoConnection       Reason = "no_connection"
	ReasonPlan               Reason = "plan"
	ReasonTransactionMissing Reason = "transaction_missing"
	ReasonTransactionInvalid Reason = "transaction_invalid"
	ReasonTransactionExpired Reason = "transaction_expired"
	ReasonOtherConnection    Reason = "other_connection"
	ReasonConnectionChanged  Reason = "connection_changed"
	ReasonResponseIssuer     Reason = "response_issuer"
	ReasonProviderRefused    Reason = "provider_refused"
	ReasonProviderDown       Reason = "provider_down"
	ReasonProviderBusy       Reason = "provider_busy"
	ReasonExchange           Reason = "exchange_refused"
	ReasonClientSecret       Reason = "client_secret_refused"
	ReasonTokenForm          Reason = "token_form"
	ReasonTokenAlgorithm     Reason = "token_algorithm"
	ReasonTokenType          Reason = "token_type"
	ReasonTokenSignature     Reason = "token_signature"
	ReasonTokenClaims        Reason = "token_claims"
	ReasonTokenIssuer        Reason = "token_issuer"
	ReasonTokenAudience      Reason = "token_audience"
	ReasonTokenNonce         Reason = "token_nonce"
	ReasonTokenTime          Reason = "token_time"
	ReasonTokenSubject       Reason = "token_subject"
	ReasonTokenHash          Reason = "token_hash"
	ReasonUserinfo           Reason = "userinfo"
	ReasonUserinfoSubject    Reason = "userinfo_subject"
	ReasonForeignAccount     Reason = "foreign_account"
	ReasonNotProvisioned     Reason = "not_provisioned"
	ReasonInactive           Reason = "inactive"
	ReasonLinkConflict       Reason = "link_conflict"
	ReasonReplayed           Reason = "replayed"
	ReasonUnavailable        Reason = "unavailable"
	ReasonInternal           Reason = "internal"
)

// Class groups reasons by what the person is told. Within a class the public text is the same.
type Class uint8

const (
	// ClassInternal is a fault of ours.
	ClassInternal Class = iota
	// ClassInvalid is a request that no honest browser sends.
	ClassInvalid
	// ClassUnknown is an address or organization without single sign-on here.
	ClassUnknown
	// ClassExpired is a sign-in that cannot be finished and has to be started again.
	ClassExpired
	// ClassProvider is an identity provider that refused, failed or answered something unacceptable.
	ClassProvider
	// ClassNotProvisioned is a person whom the organization did not assign, or no longer does.
	ClassNotProvisioned
	// ClassUnavailable is a passing state of this region.
	ClassUnavailable
)

// classes has a row per reason.
var classes = map[Reason]Class{
	ReasonRequest:            ClassInvalid,
	ReasonNoConnection:       ClassUnknown,
	ReasonPlan:               ClassNotProvisioned,
	ReasonTransactionMissing: ClassExpired,
	ReasonTransactionInvalid: ClassExpired,
	ReasonTransactionExpired: ClassExpired,
	ReasonOtherConnection:    ClassExpired,
	ReasonConnectionChanged:  ClassExpired,
	ReasonReplayed:           ClassExpired,
	ReasonResponseIssuer:     ClassProvider,
	ReasonProviderRefused:    ClassProvider,
	ReasonProviderDown:       ClassProvider,
	ReasonExchange:           ClassProvider,
	ReasonClientSecret:       ClassProvider,
	ReasonTokenForm:          ClassProvider,
	ReasonTokenAlgorithm:     ClassProvider,
	ReasonTokenType:          ClassProvider,
	ReasonTokenSignature:     ClassProvider,
	ReasonTokenClaims:        ClassProvider,
	ReasonTokenIssuer:        ClassProvider,
	ReasonTokenAudience:      ClassProvider,
	ReasonTokenNonce:         ClassProvider,
	ReasonTokenTime:          ClassProvider,
	ReasonTokenSubject:       ClassProvider,
	ReasonTokenHash:          ClassProvider,
	ReasonUserinfo:           ClassProvider,
	ReasonUserinfoSubject:    ClassProvider,
	ReasonForeignAccount:     ClassNotProvisioned,
	ReasonNotProvisioned:     ClassNotProvisioned,
	ReasonInactive:           ClassNotProvisioned,
	ReasonLinkConflict:       ClassNotProvisioned,
	ReasonUnavailable:        ClassUnavailable,
	ReasonProviderBusy:       ClassUnavailable,
	ReasonInternal:           ClassInternal,
}

// Class gives the group of a reason.
func (r Reason) Class() Class { return classes[r] }

// kind gives the error kind that other doors understand.
func (c Class) kind() directory.Kind {
	switch c {
	case ClassInvalid:
		return directory.KindInvalid
	case ClassUnknown:
		return directory.KindNotFound
	case ClassExpired:
		return directory.KindExpired
	case ClassProvider, ClassNotProvisioned:
		return directory.KindForbidden
	case ClassUnavailable:
		return directory.KindUnavailable
	default:
		return directory.KindInternal
	}
}

// Refusal is why nobody was signed in. It names no person and quotes nothing that came from outside.
type Refusal struct {
	Reason    Reason
	Reference string // eight letters and digits that the person can read out; the log line has the same
	Provider  string // with ReasonProviderRefused: the OAuth error code, from a fixed list
	Err       error  // the cause, for errors.Is; never shown, never logged
}

// Error gives the reason and the reference.
func (r *Refusal) Error() string {
	return "sign-in refused: " + string(r.Reason) + " (" + r.Reference + ")"
}

// Unwrap gives a *directory.Error of the matching kind.
func (r *Refusal) Unwrap() []error {
	own := &directory.Error{Kind: r.Reason.Class().kind(), Detail: "the sign-in was refused, reference " + r.Reference}
	if r.Err == nil {
		return []error{own}
	}
	return []error{own, r.Err}
}

// refuse makes a refusal with a new reference.
func refuse(reason Reason, cause error) *Refusal {
	return &Refusal{Reason: reason, Reference: newReference(), Err: cause}
}

// newReference is short enough to read out on the phone.
func newReference() string { return strings.ToUpper(seal.NewID()[:8]) }

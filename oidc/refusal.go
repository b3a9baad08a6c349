package oidc

import (
	"context"
	"log/slog"
	"strings"

	"domicile/directory"
	"domicile/seal"
)

// Reason says precisely why a sign-in was refused: a code for logs, the organization's log of sign-ins and metric labels, never
// for the page.
type Reason string

// The reasons, in the order in which a callback is judged.
const (
	ReasonRequest             Reason = "request_malformed"
	ReasonNoConnection        Reason = "no_connection"
	ReasonPlan                Reason = "plan"
	ReasonTransactionMissing  Reason = "transaction_missing"
	ReasonTransactionInvalid  Reason = "transaction_invalid"
	ReasonTransactionExpired  Reason = "transaction_expired"
	ReasonOtherConnection     Reason = "other_connection"
	ReasonConnectionChanged   Reason = "connection_changed"
	ReasonResponseIssuer      Reason = "response_issuer"
	ReasonProviderRefused     Reason = "provider_refused"
	ReasonProviderNotAssigned Reason = "provider_not_assigned"
	ReasonProviderAccount     Reason = "provider_account"
	ReasonProviderConsent     Reason = "provider_consent"
	ReasonProviderDown        Reason = "provider_down"
	ReasonProviderBusy        Reason = "provider_busy"
	ReasonExchange            Reason = "exchange_refused"
	ReasonClientSecret        Reason = "client_secret_refused"
	ReasonClientSecretExpired Reason = "client_secret_expired"
	ReasonCodeSpent           Reason = "code_spent"
	ReasonNoSigningKey        Reason = "no_signing_key"
	ReasonTokenForm           Reason = "token_form"
	ReasonTokenAlgorithm      Reason = "token_algorithm"
	ReasonAlgorithmChanged    Reason = "token_algorithm_changed"
	ReasonTokenType           Reason = "token_type"
	ReasonTokenSignature      Reason = "token_signature"
	ReasonTokenClaims         Reason = "token_claims"
	ReasonTokenIssuer         Reason = "token_issuer"
	ReasonTokenAudience       Reason = "token_audience"
	ReasonTokenNonce          Reason = "token_nonce"
	ReasonTokenTime           Reason = "token_time"
	ReasonTokenSubject        Reason = "token_subject"
	ReasonTokenHash           Reason = "token_hash"
	ReasonTokenAuthTime       Reason = "token_auth_time"
	ReasonTokenContext        Reason = "token_acr"
	ReasonUserinfo            Reason = "userinfo"
	ReasonUserinfoSubject     Reason = "userinfo_subject"
	ReasonForeignAccount      Reason = "foreign_account"
	ReasonNotProvisioned      Reason = "not_provisioned"
	ReasonInactive            Reason = "inactive"
	ReasonNewcomerEmail       Reason = "newcomer_email"
	ReasonNewcomerTaken       Reason = "newcomer_taken"
	ReasonLinkConflict        Reason = "link_conflict"
	ReasonReplayed            Reason = "replayed"
	ReasonSubjectUnknown      Reason = "subject_unknown"   // of a revocation
	ReasonSubjectProtected    Reason = "subject_protected" // of a revocation
	ReasonUnavailable         Reason = "unavailable"
	ReasonInternal            Reason = "internal"
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
	ReasonRequest:             ClassInvalid,
	ReasonNoConnection:        ClassUnknown,
	ReasonPlan:                ClassNotProvisioned,
	ReasonTransactionMissing:  ClassExpired,
	ReasonTransactionInvalid:  ClassExpired,
	ReasonTransactionExpired:  ClassExpired,
	ReasonOtherConnection:     ClassExpired,
	ReasonConnectionChanged:   ClassExpired,
	ReasonReplayed:            ClassExpired,
	ReasonResponseIssuer:      ClassProvider,
	ReasonProviderRefused:     ClassProvider,
	ReasonProviderNotAssigned: ClassNotProvisioned,
	ReasonProviderAccount:     ClassProvider,
	ReasonProviderConsent:     ClassProvider,
	ReasonProviderDown:        ClassProvider,
	ReasonExchange:            ClassProvider,
	ReasonClientSecret:        ClassProvider,
	ReasonClientSecretExpired: ClassProvider,
	ReasonCodeSpent:           ClassExpired,
	ReasonNoSigningKey:        ClassUnavailable,
	ReasonTokenForm:           ClassProvider,
	ReasonTokenAlgorithm:      ClassProvider,
	ReasonAlgorithmChanged:    ClassProvider,
	ReasonTokenType:           ClassProvider,
	ReasonTokenSignature:      ClassProvider,
	ReasonTokenClaims:         ClassProvider,
	ReasonTokenIssuer:         ClassProvider,
	ReasonTokenAudience:       ClassProvider,
	ReasonTokenNonce:          ClassProvider,
	ReasonTokenTime:           ClassProvider,
	ReasonTokenSubject:        ClassProvider,
	ReasonTokenHash:           ClassProvider,
	ReasonTokenAuthTime:       ClassProvider,
	ReasonTokenContext:        ClassProvider,
	ReasonUserinfo:            ClassProvider,
	ReasonUserinfoSubject:     ClassProvider,
	ReasonForeignAccount:      ClassNotProvisioned,
	ReasonNotProvisioned:      ClassNotProvisioned,
	ReasonInactive:            ClassNotProvisioned,
	ReasonNewcomerEmail:       ClassNotProvisioned,
	ReasonNewcomerTaken:       ClassNotProvisioned,
	ReasonLinkConflict:        ClassNotProvisioned,
	ReasonSubjectUnknown:      ClassUnknown,
	ReasonSubjectProtected:    ClassUnknown,
	ReasonUnavailable:         ClassUnavailable,
	ReasonProviderBusy:        ClassUnavailable,
	ReasonInternal:            ClassInternal,
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
	Reference string // eight letters and digits that the person can read out; the log line and the log of sign-ins have the same
	Provider  string // where the provider answered with an error: the OAuth error code, from a fixed list
	Err       error  // the cause, for errors.Is; never shown, never logged

	// Spent: a code went to the provider, so that this sign-in finishes nothing any more.
	Spent bool
	// Connection is what this browser was signing in through, for another try; empty where that is not known.
	Connection directory.ConnectionID
	// ReturnTo is then where it was to lead, for another try too.
	ReturnTo string

	through directory.ConnectionID // that the sign-in certainly is of, for the log of sign-ins
	taken   directory.ResourceID   // for whom the identity was taken, for the same
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

// by adds the connection that a sign-in is of.
func (r *Refusal) by(connection directory.ConnectionID) *Refusal {
	r.through = connection
	return r
}

// of adds the user that an identity was taken for.
func (r *Refusal) of(user directory.ResourceID) *Refusal {
	r.taken = user
	return r
}

// newReference is short enough to read out on the phone.
func newReference() string { return strings.ToUpper(seal.NewID()[:8]) }

// logRefusal writes codes and ids only: a provider's words and a callback's query never reach a log.
func (s *Service) logRefusal(ctx context.Context, message string, refusal *Refusal, connection directory.ConnectionID) {
	attrs := []slog.Attr{slog.String("reason", string(refusal.Reason)), slog.String("reference", refusal.Reference)}
	if refusal.Provider != "" {
		attrs = append(attrs, slog.String("provider_error", refusal.Provider))
	}
	if isID(string(connection)) {
		attrs = append(attrs, slog.String("connection", string(connection)))
	}
	s.deps.Logger.LogAttrs(ctx, slog.LevelWarn, message, attrs...)
}

// isID tells whether a path parameter may be logged: something of the shape of our ids.
func isID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

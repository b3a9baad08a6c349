package oidc

import (
	"context"
	"errors"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// rememberSlack keeps a used transaction beyond its own expiry, so that clocks that differ cannot revive it.
const rememberSlack = 5 * time.Minute

// opening is all that a new session comes of.
type opening struct {
	connection  *directory.Connection
	transaction *transaction
	identity    *identity
	admission
	agent   string // of the browser, as its address
	address string
}

// lifetime is what the organization chose, or less where the provider's own session ends sooner.
func (o *opening) lifetime(now time.Time) time.Duration {
	life := time.Duration(o.policy.Lifetime()) * time.Microsecond
	if ends := o.identity.ends; ends > 0 {
		life = min(life, time.Unix(ends, 0).Sub(now))
	}
	return life
}

// command consumes the transaction, ties the identity and opens the session. What came after the first release is told to
// a ledger that takes it only: while a region is upgraded people sign in.
func (o *opening) command(now time.Time) *command.OpenSession {
	t, id := o.transaction, o.identity
	opened := &command.OpenSession{
		ID:                directory.SessionID(seal.NewID()),
		User:              o.user.ID,
		Connection:        o.connection.ID,
		ConnectionVersion: o.connection.Version,
		Transaction:       seal.HashToken(t.ID),
		TransactionExpiry: directory.Time(time.Unix(t.Expires, 0).Add(rememberSlack).UnixMicro()),
		Lifetime:          o.lifetime(now).Microseconds(),
		Issuer:            id.issuer,
		Subject:           id.subject,
	}
	if o.level < command.SecondLevel {
		return opened
	}
	opened.SessionDetails = command.SessionDetails{
		Idle: o.policy.SessionIdle, Methods: id.methods, Agent: o.agent, Address: o.address,
	}
	opened.ProviderSID, opened.Context, opened.Algorithm = id.sid, id.context, id.signed.algorithm
	opened.Authed = directory.Time(time.Unix(id.at, 0).UnixMicro())
	return opened
}

// open writes the one command of a sign-in.
func (s *Service) open(ctx context.Context, o opening) (SignedIn, *Refusal) {
	now := s.deps.Now()
	payload := o.command(now)
	token, hash := seal.MintToken(s.SessionPrefix())
	payload.Hash = hash
	_, err := propose(ctx, s.deps.Proposer, command.Command{
		Organization: o.connection.Organization, Actor: "user:" + string(o.user.ID), Payload: payload,
	})
	if err != nil {
		return SignedIn{}, refuse(ledgerReason(err), err).of(o.user.ID)
	}
	return SignedIn{
		SessionToken:      token,
		Session:           payload.ID,
		Lifetime:          o.lifetime(now),
		User:              o.user,
		Organization:      o.connection.Organization,
		ReturnTo:          ReturnTo(o.transaction.ReturnTo),
		TransactionCookie: s.transactionCookie(o.transaction.State),
		LogoutHint:        s.sealHint(payload.ID, o.connection.Issuer, o.identity.token),
	}, nil
}

// ledgerReason says what the ledger's refusal of a session means.
func ledgerReason(err error) Reason {
	refused, ok := errors.AsType[*directory.Error](err)
	if !ok {
		return ReasonInternal
	}
	switch refused.Kind {
	case directory.KindReplayed:
		return ReasonReplayed
	case directory.KindUnauthenticated:
		return ReasonTransactionExpired
	case directory.KindConflict:
		return ReasonLinkConflict
	case directory.KindForbidden:
		if refused.Field == "user" {
			return ReasonInactive
		}
		return ReasonConnectionChanged
	case directory.KindNotFound:
		return ReasonConnectionChanged
	case directory.KindUnavailable, directory.KindExpired:
		return ReasonUnavailable
	default:
		return ReasonInternal
	}
}

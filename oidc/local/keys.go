package local

import (
	"context"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// freshness is how old a sign-in may be for its owner to change passkeys and codes.
const freshness = 15 * time.Minute

// Person is somebody who is signed in. The records are shared and immutable.
type Person struct {
	User         *directory.User
	Organization *directory.Organization
	Session      *directory.Session
}

// Keys is what a person signs in with here.
type Keys struct {
	Prompt   Prompt // for a new passkey; empty without Passkeys, and if the sign-in is not fresh
	Email    string
	Passkeys []directory.Passkey
	Codes    bool // the person can have recovery codes
	Recovery int  // recovery codes that are left
	Fresh    bool // the sign-in is young enough to change something
}

// Keys lists what a person signs in with here. The error is a *Refusal, of ClassNotYours for people who came through an
// identity provider or break glass.
func (s *Service) Keys(ctx context.Context, p Person) (Keys, error) {
	keys, refusal := s.keys(ctx, p)
	return keys, s.logged(ctx, "keys", refusal)
}

func (s *Service) keys(ctx context.Context, p Person) (Keys, *Refusal) {
	own, refusal := s.own(ctx, p)
	if refusal != nil {
		return Keys{}, refusal
	}
	keys := Keys{Email: own.who.email, Codes: own.who.takesRecovery(), Fresh: s.fresh(p.Session)}
	if held, ok := own.directory.Credentials(own.who.email); ok {
		keys.Passkeys, keys.Recovery = held.Passkeys, len(held.Recovery)
	}
	if keys.Fresh && len(keys.Passkeys) < directory.MaxPasskeys {
		keys.Prompt, refusal = s.askNewPasskey(own.directory, &own.who)
	}
	return keys, refusal
}

// AddKey adds a passkey. The error is a *Refusal.
func (s *Service) AddKey(ctx context.Context, p Person, visit Visit, answer NewPasskey) (Enrolled, error) {
	made, refusal := s.addKey(ctx, p, &visit, answer)
	return made, s.logged(ctx, "add passkey", refusal)
}

func (s *Service) addKey(ctx context.Context, p Person, visit *Visit, answer NewPasskey) (Enrolled, *Refusal) {
	own, refusal := s.ownFresh(ctx, p)
	if refusal != nil {
		return Enrolled{}, refusal
	}
	put, refusal := s.newPasskey(visit, own.directory, &own.who, answer)
	if refusal != nil {
		return Enrolled{}, refusal
	}
	if _, err := s.propose(ctx, own.who.organization.ID, own.who.actor(p.Session.ID), put); err != nil {
		return Enrolled{}, refuse(ledgerReason(err), err)
	}
	return Enrolled{Email: own.who.email, Passkey: put.Name, Drop: s.cookieName(purposeEnrol)}, nil
}

// RemoveKey removes a passkey by its raw id; one that is not there is a no-op. The error is a *Refusal.
func (s *Service) RemoveKey(ctx context.Context, p Person, id string) error {
	return s.logged(ctx, "remove passkey", s.removeKey(ctx, p, id))
}

func (s *Service) removeKey(ctx context.Context, p Person, id string) *Refusal {
	own, refusal := s.ownFresh(ctx, p)
	if refusal != nil {
		return refusal
	}
	_, err := s.propose(ctx, own.who.organization.ID, own.who.actor(p.Session.ID), &command.DeletePasskey{Email: own.who.email, ID: id})
	if err != nil && directory.KindOf(err) != directory.KindNotFound {
		return refuse(ledgerReason(err), err)
	}
	return nil
}

// RenewCodes replaces the recovery codes and gives the new ones, to be shown once. The error is a *Refusal.
func (s *Service) RenewCodes(ctx context.Context, p Person) (Enrolled, error) {
	made, refusal := s.renewOwn(ctx, p)
	return made, s.logged(ctx, "renew codes", refusal)
}

func (s *Service) renewOwn(ctx context.Context, p Person) (Enrolled, *Refusal) {
	own, refusal := s.ownFresh(ctx, p)
	if refusal != nil {
		return Enrolled{}, refusal
	}
	if !own.who.takesRecovery() {
		return Enrolled{}, refuse(ReasonNotYours, nil)
	}
	made, err := s.renewCodes(ctx, own.who.actor(p.Session.ID), own.who.organization.ID, &command.PutRecovery{
		Email: own.who.email, Handle: handleOf(own.directory, own.who.email),
	})
	if err != nil {
		return Enrolled{}, refuse(ledgerReason(err), err)
	}
	return made, nil
}

// owner is a person and their place in the ledger.
type owner struct {
	directory *state.Directory
	who       signer
}

// own finds the address whose credentials a person may manage.
func (s *Service) own(ctx context.Context, p Person) (owner, *Refusal) {
	email := addressOf(p)
	if email == "" {
		return owner{}, refuse(ReasonNotYours, nil)
	}
	view, refusal := s.confirmed(ctx)
	if refusal != nil {
		return owner{}, refusal
	}
	d, ok := view.Directory(p.Organization.ID)
	if !ok {
		return owner{}, refuse(ReasonNotYours, nil)
	}
	who, ok := signerOf(d, email)
	if !ok || who.user != p.User.ID || who.standing == directory.StandingBreakGlass {
		return owner{}, refuse(ReasonNotYours, nil) // the address is another person's now
	}
	return owner{d, who}, nil
}

func (s *Service) ownFresh(ctx context.Context, p Person) (owner, *Refusal) {
	if !s.fresh(p.Session) {
		return owner{}, refuse(ReasonNotFresh, nil)
	}
	return s.own(ctx, p)
}

func (s *Service) fresh(session *directory.Session) bool {
	return s.now() < session.Created+directory.Time(freshness.Microseconds())
}

// addressOf gives the address that a person signed in here with; empty if they did not. A break-glass session acts for the
// root user, but does not manage the root user's credentials.
func addressOf(p Person) string {
	if p.Session.Kind != directory.SessionLocal {
		return ""
	}
	switch p.User.Source {
	case directory.SourceRoot:
		return p.User.Email()
	case directory.SourceInvited:
		return p.User.UserNameKey
	default:
		return ""
	}
}

package local

import (
	"context"
	"crypto/subtle"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// RecoveryRequest is a recovery code and whose it is, as somebody typed them.
type RecoveryRequest struct {
	Email    string
	Code     string
	ReturnTo string // a path on this origin, where to go afterwards
	Visit    Visit
}

// CheckRecovery takes a recovery code as the first step, and mails a code for the second if it is right. The answer is the
// same if it is not: a challenge that nothing answers. The error is a *Refusal.
func (s *Service) CheckRecovery(ctx context.Context, req RecoveryRequest) (Cookie, error) {
	cookie, refusal := s.checkRecovery(ctx, req)
	return cookie, s.judged(ctx, "recovery", outcomeNext, refusal)
}

func (s *Service) checkRecovery(ctx context.Context, req RecoveryRequest) (Cookie, *Refusal) {
	email, code := foldEmail(req.Email), foldRecovery(req.Code)
	if email == "" || code == "" {
		return Cookie{}, refuse(ReasonForm, nil)
	}
	view, refusal := s.confirmed(ctx)
	if refusal != nil {
		return Cookie{}, refusal
	}
	c := s.newChallenge()
	c.ReturnTo = req.ReturnTo
	hash := recoveryHash(code)
	c.First = factor{Recovery: hash[:]}
	if who, ok := recoverer(view, hash, email); ok {
		return s.mailCode(ctx, &c, &who, &req.Visit, "")
	}
	// Of whom it is nothing is known but the address: its domain tells the organization, as it does for strangers.
	if d, ok := organization(view, "", email); ok {
		s.recordTry(ctx, d.Organization().ID, email, &Refusal{Reason: ReasonRecoveryWrong}, &req.Visit)
	}
	return s.mailNothing(ctx, &c, "", email)
}

// recoverer finds who has this unused recovery code.
func recoverer(view *state.View, hash directory.Hash, email string) (signer, bool) {
	credentials, ok := view.CredentialsByRecovery(hash)
	if !ok || credentials.Email != email {
		return signer{}, false
	}
	d, ok := view.Directory(credentials.Organization)
	if !ok {
		return signer{}, false
	}
	who, ok := signerOf(d, email)
	return who, ok && who.takesRecovery()
}

// MailRequest asks for a code by mail, for somebody who was invited.
type MailRequest struct {
	Email        string
	Organization string // slug; empty: the one that has the address's domain
	ReturnTo     string // a path on this origin, where to go afterwards
	Place        string // the network that it came from; empty: this machine
	Visit        Visit
}

// MailCode mails a code to an invited person. The answer is the same for everybody else: a challenge that nothing answers.
// The error is a *Refusal.
func (s *Service) MailCode(ctx context.Context, req MailRequest) (Cookie, error) {
	cookie, refusal := s.mailInvited(ctx, req)
	return cookie, s.judged(ctx, "mail", outcomeNext, refusal)
}

func (s *Service) mailInvited(ctx context.Context, req MailRequest) (Cookie, *Refusal) {
	email, slug := foldEmail(req.Email), req.Organization
	if email == "" || slug != "" && directory.ValidateSlug(slug) != nil {
		return Cookie{}, refuse(ReasonForm, nil)
	}
	view, refusal := s.confirmed(ctx)
	if refusal != nil {
		return Cookie{}, refusal
	}
	c := s.newChallenge()
	c.ReturnTo = req.ReturnTo
	d, ok := organization(view, slug, email)
	if !ok {
		return s.mailNothing(ctx, &c, "", email)
	}
	who, ok := signerOf(d, email)
	if !ok || who.standing != directory.StandingInvited {
		return s.mailNothing(ctx, &c, d.Organization().ID, email)
	}
	return s.mailCode(ctx, &c, &who, &req.Visit, req.Place)
}

func organization(view *state.View, slug, email string) (*state.Directory, bool) {
	if slug != "" {
		return view.DirectoryBySlug(slug)
	}
	return view.DirectoryByDomain(directory.EmailDomain(email))
}

// mailCode goes on with a challenge that wants a code, and mails the code, unless too many were mailed.
func (s *Service) mailCode(ctx context.Context, c *challenge, who *signer, visit *Visit, place string) (Cookie, *Refusal) {
	first := "" // anybody may ask
	if c.First.done() {
		first = "first step"
	}
	sends, refusal := s.maySend(ctx, place, string(who.organization.ID), who.email, first)
	if refusal != nil {
		return Cookie{}, refusal
	}
	c.Organization, c.Email, c.Code, c.Void = who.organization.ID, who.email, newMailedCode(), !sends
	cookie, refusal := s.cookie(purposeCode, c)
	switch {
	case refusal != nil:
		return Cookie{}, refusal
	case sends:
		s.sendLater(ctx, s.codeLetter(who, c.Code))
	default:
		s.deps.Metrics.mails.WithLabelValues(mailLimited).Inc()
		s.recordTry(ctx, c.Organization, c.Email, &Refusal{Reason: ReasonMailLimited}, visit)
	}
	return cookie, nil
}

// mailNothing does for a stranger what mailCode does, without the mail.
func (s *Service) mailNothing(ctx context.Context, c *challenge, org directory.OrganizationID, email string) (Cookie, *Refusal) {
	if refusal := s.pretend(ctx); refusal != nil {
		return Cookie{}, refusal
	}
	if org == "" {
		org = directory.OrganizationID(seal.NewID()) // as long as a real one
	}
	c.Void, c.Organization, c.Email, c.Code = true, org, email, newMailedCode()
	return s.cookie(purposeCode, c)
}

// CheckCode takes the code that was mailed and opens the session. The error is a *Refusal.
func (s *Service) CheckCode(ctx context.Context, visit Visit, typed string) (SignedIn, error) {
	done, refusal := s.checkCode(ctx, &visit, typed)
	if err := s.judged(ctx, "code", outcomeOK, refusal); err != nil {
		return SignedIn{}, err
	}
	done.Drop = s.cookieName(purposeCode)
	return *done, nil
}

func (s *Service) checkCode(ctx context.Context, visit *Visit, typed string) (*SignedIn, *Refusal) {
	c, refusal := s.recall(purposeCode, visit)
	if refusal != nil {
		return nil, refusal
	}
	done, refusal := s.answer(ctx, c, visit, typed)
	if refusal != nil {
		s.recordTry(ctx, c.Organization, c.Email, refusal, visit)
	}
	return done, refusal
}

// answer judges the code that was typed for a challenge.
func (s *Service) answer(ctx context.Context, c *challenge, visit *Visit, typed string) (*SignedIn, *Refusal) {
	code := foldMailedCode(typed)
	if code == "" {
		return nil, refuse(ReasonForm, nil)
	}
	tries, refusal := s.mayTry(ctx, c)
	if refusal != nil {
		return nil, refusal
	}
	right := subtle.ConstantTimeCompare([]byte(code), []byte(c.Code)) == 1
	view, refusal := s.confirmed(ctx)
	if refusal != nil {
		return nil, refusal
	}
	switch {
	case !tries:
		return nil, refuse(ReasonTries, nil)
	case !right || c.Void:
		return nil, refuse(ReasonCodeWrong, nil)
	}
	return s.openWithCode(ctx, view, c, visit)
}

// openWithCode opens the session of a challenge whose code was right. The address may have become something else since the
// challenge began: what it is now decides what is needed.
func (s *Service) openWithCode(ctx context.Context, view *state.View, c *challenge, visit *Visit) (*SignedIn, *Refusal) {
	d, ok := view.Directory(c.Organization)
	if !ok {
		return nil, refuse(ReasonStanding, nil)
	}
	who, ok := signerOf(d, c.Email)
	if !ok {
		return nil, refuse(ReasonStanding, nil)
	}
	by := opening{methods: methodsCode}
	switch {
	case len(c.First.Recovery) == len(by.recovery):
		by.recovery, by.methods = directory.Hash(c.First.Recovery), methodsRecovery
	case len(c.First.Passkey) > 0:
		if by.passkey, ok = passkeyOf(d, c); !ok {
			return nil, refuse(ReasonPasskeyUnknown, nil)
		}
		by.signCount, by.methods = c.First.SignCount, methodsPasskeyAndCode
	case who.standing != directory.StandingInvited:
		return nil, refuse(ReasonStanding, nil) // a code by mail alone is not enough
	}
	return s.open(ctx, &who, c, visit, by)
}

// passkeyOf finds the passkey of a challenge's first step, as long as it is there.
func passkeyOf(d *state.Directory, c *challenge) (id string, ok bool) {
	credentials, ok := d.Credentials(c.Email)
	if !ok {
		return "", false
	}
	for _, p := range credentials.Passkeys {
		if hash := seal.HashToken(p.ID); string(hash[:]) == string(c.First.Passkey) {
			return p.ID, true
		}
	}
	return "", false
}

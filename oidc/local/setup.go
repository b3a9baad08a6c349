package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

const (
	setupLifetime = 24 * time.Hour
	setupFormat   = 1
	setupName     = "set-up link" // what links are sealed under
	maxLink       = 2 << 10
	// SetupPath is where set-up links lead; the token follows.
	SetupPath = "/login/setup/"
	// EmergencyPath is where recovery codes are used.
	EmergencyPath = "/login/emergency"
)

// link is what a set-up link carries, sealed: leave to set up how one address of one organization signs in. The ledger knows
// the newest one of each address, until it is used or what the address signs in with has changed.
type link struct {
	Format       int                      `json:"v"`
	Organization directory.OrganizationID `json:"org"`
	Email        string                   `json:"mail"`
	ID           string                   `json:"id"`
}

// hash is what the ledger knows of the link.
func (l *link) hash() directory.Hash { return seal.HashToken("set-up link " + l.ID) }

// ErrTooManyMails is five set-up mails to one address in a quarter of an hour.
var ErrTooManyMails = errors.New("too many set-up mails to this address")

// MailSetup mails an address of an organization the link to the page where its owner sets up passkeys and recovery codes.
// The error is a *directory.Error: KindNotFound (no such organization), KindInvalid (the address may not sign in here),
// KindUnavailable (no leader, no mail server, or it did not take the letter); or ErrTooManyMails.
func (s *Service) MailSetup(ctx context.Context, org directory.OrganizationID, address, actor string) error {
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return err
	}
	d, ok := view.Directory(org)
	if !ok {
		return directory.Errorf(directory.KindNotFound, "", "there is no such organization")
	}
	who, ok := signerOf(d, foldEmail(address))
	if !ok {
		return directory.Errorf(directory.KindInvalid, "email",
			"this is neither the root user's address, nor a break-glass address, nor an invited person who may sign in here")
	}
	sends, refusal := s.maySend(ctx, "", "setup", string(org), who.email)
	if refusal != nil {
		return refusal.Err
	}
	if !sends {
		return ErrTooManyMails
	}
	l := &link{Format: setupFormat, Organization: org, Email: who.email, ID: seal.NewID()}
	_, err = s.propose(ctx, org, actor, &command.PutSetupLink{
		Email: who.email, Handle: handleOf(d, who.email), Hash: l.hash(),
		Expires: directory.Time(s.deps.Now().Add(setupLifetime).UnixMicro()),
	})
	if err != nil {
		return err
	}
	token, err := s.sealLink(l)
	if err != nil {
		return err
	}
	err = s.send(ctx, s.setupLetter(&who, s.origin+SetupPath+token))
	if err != nil && directory.KindOf(err) != directory.KindUnavailable {
		return directory.Unavailable(time.Minute, err, "the mail server did not take the mail")
	}
	return err
}

// handleOf gives the user handle of an address's credentials, or a new one (Web Authentication §14.6.1: it names nobody).
func handleOf(d *state.Directory, email string) string {
	if credentials, ok := d.Credentials(email); ok {
		return credentials.Handle
	}
	return seal.RandomText(32)
}

func (s *Service) sealLink(l *link) (string, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.box.Seal(nil, plain, []byte(setupName))), nil
}

// setup is a set-up link that was followed.
type setup struct {
	link
	directory *state.Directory
	who       signer
}

// follow opens a set-up link, if it still works.
func (s *Service) follow(ctx context.Context, token string) (*setup, *Refusal) {
	var l link
	if err := s.unseal(setupName, token, maxLink, &l); err != nil || l.Format != setupFormat {
		return nil, refuse(ReasonLink, err)
	}
	view, refusal := s.confirmed(ctx)
	if refusal != nil {
		return nil, refusal
	}
	d, ok := view.Directory(l.Organization)
	if !ok {
		return nil, refuse(ReasonLink, nil)
	}
	held, ok := d.Credentials(l.Email)
	if !ok {
		return nil, refuse(ReasonLink, nil)
	}
	if _, works := held.SetupLink(l.hash(), s.now()); !works {
		return nil, refuse(ReasonLink, nil)
	}
	who, ok := signerOf(d, l.Email)
	if !ok {
		return nil, refuse(ReasonLink, nil)
	}
	return &setup{l, d, who}, nil
}

// step uses the link up and goes on with another one.
func (at *setup) step() command.Setup {
	used := at.hash()
	at.ID = seal.NewID()
	return command.Setup{Link: used, Next: at.hash()}
}

// Setup is what the set-up page shows.
type Setup struct {
	Prompt       Prompt // empty without Passkeys
	Organization string // its name
	Email        string
	Passkeys     int  // that the address has already
	Codes        bool // the address can have recovery codes
}

// Setup opens the page of a set-up link. Following the link changes nothing, because mail filters follow links too. The
// error is a *Refusal.
func (s *Service) Setup(ctx context.Context, token string) (Setup, error) {
	at, refusal := s.follow(ctx, token)
	if refusal != nil {
		return Setup{}, s.logged(ctx, "set up", refusal)
	}
	page := Setup{Organization: at.who.organization.Name, Email: at.who.email, Codes: at.who.takesRecovery()}
	if credentials, ok := at.directory.Credentials(at.who.email); ok {
		page.Passkeys = len(credentials.Passkeys)
	}
	page.Prompt, refusal = s.askNewPasskey(at.directory, &at.who)
	return page, s.logged(ctx, "set up", refusal)
}

// Enrolled is what a set-up step made.
type Enrolled struct {
	Email    string        // whose it is
	Passkey  string        // its name; empty: none was made
	Recovery []seal.Secret // new recovery codes, to be shown once; none were made if it is empty
	Where    string        // address at which those are used
	Next     string        // token of a link to go on with
	Drop     string        // name of a cookie to delete
}

// SetupPasskey adds a passkey by a set-up link. Whoever can have recovery codes and has none gets them with it, because a
// passkey can be lost. The error is a *Refusal.
func (s *Service) SetupPasskey(ctx context.Context, token string, visit Visit, answer NewPasskey) (Enrolled, error) {
	made, refusal := s.setupPasskey(ctx, token, &visit, answer)
	return made, s.logged(ctx, "set up", refusal)
}

func (s *Service) setupPasskey(ctx context.Context, token string, visit *Visit, answer NewPasskey) (Enrolled, *Refusal) {
	at, refusal := s.follow(ctx, token)
	if refusal != nil {
		return Enrolled{}, refusal
	}
	put, refusal := s.newPasskey(visit, at.directory, &at.who, answer)
	if refusal != nil {
		return Enrolled{}, refusal
	}
	put.Setup = at.step()
	if _, err := s.propose(ctx, at.Organization, setupActor, put); err != nil {
		return Enrolled{}, refuse(linkReason(err), err)
	}
	made := Enrolled{Email: at.who.email, Passkey: put.Name, Drop: s.cookieName(purposeEnrol)}
	if held, ok := at.directory.Credentials(at.who.email); at.who.takesRecovery() && (!ok || len(held.Recovery) == 0) {
		codes, err := s.renewCodes(ctx, setupActor, at.Organization, &command.PutRecovery{
			Setup: at.step(), Email: put.Email, Handle: put.Handle,
		})
		if err != nil {
			return Enrolled{}, refuse(linkReason(err), err)
		}
		made.Recovery, made.Where = codes.Recovery, codes.Where
	}
	return s.goOn(at, made)
}

// SetupCodes replaces the recovery codes by a set-up link. The error is a *Refusal.
func (s *Service) SetupCodes(ctx context.Context, token string) (Enrolled, error) {
	made, refusal := s.setupCodes(ctx, token)
	return made, s.logged(ctx, "set up", refusal)
}

func (s *Service) setupCodes(ctx context.Context, token string) (Enrolled, *Refusal) {
	at, refusal := s.follow(ctx, token)
	if refusal != nil {
		return Enrolled{}, refusal
	}
	if !at.who.takesRecovery() {
		return Enrolled{}, refuse(ReasonStanding, nil)
	}
	made, err := s.renewCodes(ctx, setupActor, at.Organization, &command.PutRecovery{
		Setup: at.step(), Email: at.who.email, Handle: handleOf(at.directory, at.who.email),
	})
	if err != nil {
		return Enrolled{}, refuse(linkReason(err), err)
	}
	return s.goOn(at, made)
}

// setupActor names whoever follows a set-up link in the ledger.
const setupActor = "set-up link"

// goOn gives the link to go on with: the one that was followed is void now.
func (s *Service) goOn(at *setup, made Enrolled) (Enrolled, *Refusal) {
	token, err := s.sealLink(&at.link)
	if err != nil {
		return Enrolled{}, refuse(ReasonInternal, err)
	}
	made.Next = token
	return made, nil
}

// linkReason is ledgerReason for what was asked by a link, which may have been used meanwhile.
func linkReason(err error) Reason {
	if directory.KindOf(err) == directory.KindStale {
		return ReasonLink
	}
	return ledgerReason(err)
}

// renewCodes replaces recovery codes by new ones and gives those.
func (s *Service) renewCodes(ctx context.Context, actor string, org directory.OrganizationID, put *command.PutRecovery) (Enrolled, error) {
	codes, hashes := newRecoveryCodes()
	put.Hashes = hashes
	_, err := s.propose(ctx, org, actor, put)
	return Enrolled{Email: put.Email, Recovery: codes, Where: s.origin + EmergencyPath}, err
}

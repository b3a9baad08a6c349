package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"unicode"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// maxResponse bounds what a browser says about a passkey, in bytes.
const maxResponse = 32 << 10

// newPasskeys sets up the relying party. Passkeys must be discoverable, because nobody is asked for an address first, and
// must verify their user, because one of them is two factors then. Who made them is not asked (attestation "none"). What
// browsers add unasked is passed over: nothing here depends on it.
func newPasskeys(domain, origin string) (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID:                  domain,
		RPDisplayName:         "Domicile",
		RPOrigins:             []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification:   protocol.VerificationRequired,
		},
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// Prompt is what a page needs to let the browser ask for a passkey.
type Prompt struct {
	Options []byte // JSON of PublicKeyCredentialRequestOptions or …CreationOptions (Web Authentication §5.1.8, §5.1.10)
	Cookie  Cookie
}

// Passkeys tells whether the sign-in page can use passkeys at all: it needs a domain.
func (s *Service) Passkeys() bool { return s.passkeys != nil }

// AskPasskey begins a sign-in with a passkey. Nothing is written. Without Passkeys it gives an empty Prompt. The error is a
// *Refusal.
func (s *Service) AskPasskey(ctx context.Context, returnTo string) (Prompt, error) {
	prompt, refusal := s.askPasskey(returnTo)
	return prompt, s.logged(ctx, "ask", refusal)
}

func (s *Service) askPasskey(returnTo string) (Prompt, *Refusal) {
	if s.passkeys == nil {
		return Prompt{}, nil
	}
	asked, session, err := s.passkeys.BeginDiscoverableLogin()
	if err != nil {
		return Prompt{}, refuse(ReasonInternal, err)
	}
	c := s.newChallenge()
	c.Signed, c.ReturnTo = session.Challenge, returnTo
	return s.prompt(purposeAssert, &c, asked.Response)
}

func (s *Service) prompt(p purpose, c *challenge, asked any) (Prompt, *Refusal) {
	options, err := json.Marshal(asked)
	if err != nil {
		return Prompt{}, refuse(ReasonInternal, err)
	}
	cookie, refusal := s.cookie(p, c)
	if refusal != nil {
		return Prompt{}, refusal
	}
	return Prompt{Options: options, Cookie: cookie}, nil
}

// Step is how a first step ended: somebody is signed in, or a code was mailed that has to be typed.
type Step struct {
	SignedIn *SignedIn // nil: a code is wanted
	Code     Cookie    // for CheckCode
	Drop     string    // name of a cookie to delete
}

// CheckPasskey takes the browser's answer to AskPasskey, as JSON (PublicKeyCredential.toJSON). The error is a *Refusal.
func (s *Service) CheckPasskey(ctx context.Context, visit Visit, response []byte) (Step, error) {
	step, refusal := s.checkPasskey(ctx, &visit, response)
	outcome := outcomeOK
	if step.SignedIn == nil {
		outcome = outcomeNext
	}
	if err := s.judged(ctx, "passkey", outcome, refusal); err != nil {
		return Step{}, err
	}
	step.Drop = s.cookieName(purposeAssert)
	return step, nil
}

func (s *Service) checkPasskey(ctx context.Context, visit *Visit, response []byte) (Step, *Refusal) {
	c, refusal := s.recall(purposeAssert, visit)
	if refusal != nil {
		return Step{}, refusal
	}
	view, refusal := s.confirmed(ctx)
	if refusal != nil {
		return Step{}, refusal
	}
	if view.TransactionUsed(c.hash()) {
		return Step{}, refuse(ReasonReplayed, nil)
	}
	credentials, used, refusal := s.assertion(view, c, response)
	var step Step
	if refusal == nil {
		step, refusal = s.stepIn(ctx, view, c, visit, credentials, used)
	}
	if refusal != nil && credentials != nil {
		s.recordTry(ctx, credentials.Organization, credentials.Email, refusal, visit)
	}
	return step, refusal
}

// stepIn goes on from a passkey that signed the challenge.
func (s *Service) stepIn(
	ctx context.Context, view *state.View, c *challenge, visit *Visit, credentials *directory.Credentials, used *webauthn.Credential,
) (Step, *Refusal) {
	d, ok := view.Directory(credentials.Organization)
	if !ok {
		return Step{}, refuse(ReasonStanding, nil)
	}
	who, ok := signerOf(d, credentials.Email)
	if !ok {
		return Step{}, refuse(ReasonStanding, nil)
	}
	if who.standing == directory.StandingBreakGlass {
		id := seal.HashToken(string(used.ID))
		c.First = factor{Passkey: id[:], SignCount: used.Authenticator.SignCount}
		cookie, refusal := s.mailCode(ctx, c, &who, visit, "")
		return Step{Code: cookie}, refusal
	}
	done, refusal := s.open(ctx, &who, c, visit, opening{
		passkey: string(used.ID), signCount: used.Authenticator.SignCount, methods: methodsPasskey,
	})
	return Step{SignedIn: done}, refusal
}

// assertion verifies that one of the region's passkeys signed the challenge (Web Authentication §7.2). Of one that did not it
// gives the credentials too, where there are any.
func (s *Service) assertion(view *state.View, c *challenge, response []byte) (*directory.Credentials, *webauthn.Credential, *Refusal) {
	if s.passkeys == nil || len(response) > maxResponse {
		return nil, nil, refuse(ReasonPasskey, nil)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return nil, nil, refuse(ReasonPasskey, err)
	}
	credentials, ok := view.CredentialsByPasskey(string(parsed.RawID))
	session := webauthn.SessionData{Challenge: c.Signed, UserVerification: protocol.VerificationRequired}
	_, used, err := s.passkeys.ValidatePasskeyLogin(finder(view), session, parsed)
	switch {
	case errors.Is(err, errUnknownPasskey):
		return credentials, nil, refuse(ReasonPasskeyUnknown, err)
	case err != nil:
		return credentials, nil, refuse(ReasonPasskey, err)
	case used.Authenticator.CloneWarning:
		return credentials, nil, refuse(ReasonPasskeyCloned, nil)
	case !ok:
		return nil, nil, refuse(ReasonPasskeyUnknown, nil)
	}
	return credentials, used, nil
}

var errUnknownPasskey = errors.New("no such passkey")

func finder(view *state.View) webauthn.DiscoverableUserHandler {
	return func(rawID, handle []byte) (webauthn.User, error) {
		credentials, ok := view.CredentialsByPasskey(string(rawID))
		if !ok || credentials.Handle != string(handle) {
			return nil, errUnknownPasskey
		}
		return holder{handle: credentials.Handle, name: credentials.Email, passkeys: credentials.Passkeys}, nil
	}
}

// holder shows somebody's passkeys to the library.
type holder struct {
	handle   string
	name     string
	display  string
	passkeys []directory.Passkey
}

func (h holder) WebAuthnID() []byte          { return []byte(h.handle) }
func (h holder) WebAuthnName() string        { return h.name }
func (h holder) WebAuthnDisplayName() string { return h.display }

func (h holder) WebAuthnCredentials() []webauthn.Credential {
	list := make([]webauthn.Credential, len(h.passkeys))
	for i, p := range h.passkeys {
		list[i] = webauthn.Credential{
			ID: []byte(p.ID), PublicKey: []byte(p.PublicKey),
			Flags:         webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(p.Flags)),
			Authenticator: webauthn.Authenticator{AAGUID: []byte(p.AAGUID), SignCount: p.SignCount},
		}
	}
	return list
}

// parameters are the algorithms that a new passkey may have: EdDSA, ES256, RS256.
func parameters() []protocol.CredentialParameter { return webauthn.CredentialParametersRecommendedL3() }

// askNewPasskey begins the registration of a passkey for an address (Web Authentication §5.1.3).
func (s *Service) askNewPasskey(d *state.Directory, who *signer) (Prompt, *Refusal) {
	if s.passkeys == nil {
		return Prompt{}, nil
	}
	owner := holder{handle: handleOf(d, who.email), name: who.email, display: who.organization.Name}
	if held, ok := d.Credentials(who.email); ok {
		owner.passkeys = held.Passkeys
	}
	exclude := make([]protocol.CredentialDescriptor, 0, len(owner.passkeys))
	for _, credential := range owner.WebAuthnCredentials() {
		exclude = append(exclude, credential.Descriptor())
	}
	asked, session, err := s.passkeys.BeginRegistration(owner, webauthn.WithExclusions(exclude), webauthn.WithCredentialParameters(parameters()))
	if err != nil {
		return Prompt{}, refuse(ReasonInternal, err)
	}
	c := s.newChallenge()
	c.Signed, c.Handle, c.Organization, c.Email = session.Challenge, owner.handle, who.organization.ID, who.email
	return s.prompt(purposeEnrol, &c, asked.Response)
}

// newPasskey verifies the browser's answer to askNewPasskey (Web Authentication §7.1), for the same address.
func (s *Service) newPasskey(visit *Visit, d *state.Directory, who *signer, answer NewPasskey) (*command.PutPasskey, *Refusal) {
	c, refusal := s.recall(purposeEnrol, visit)
	if refusal != nil {
		return nil, refusal
	}
	if c.Organization != who.organization.ID || c.Email != who.email {
		return nil, refuse(ReasonChallengeInvalid, nil)
	}
	if held, ok := d.Credentials(who.email); ok && held.Handle != c.Handle {
		return nil, refuse(ReasonChallengeExpired, nil) // they were made anew meanwhile
	}
	if s.passkeys == nil || len(answer.Response) > maxResponse {
		return nil, refuse(ReasonPasskey, nil)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer.Response)
	if err != nil {
		return nil, refuse(ReasonPasskey, err)
	}
	made, err := s.passkeys.CreateCredential(holder{handle: c.Handle}, webauthn.SessionData{
		Challenge: c.Signed, UserID: []byte(c.Handle), UserVerification: protocol.VerificationRequired, CredParams: parameters(),
	}, parsed)
	if err != nil {
		return nil, refuse(ReasonPasskey, err)
	}
	return &command.PutPasskey{Email: who.email, Handle: c.Handle, Passkey: directory.Passkey{
		ID: string(made.ID), PublicKey: string(made.PublicKey), SignCount: made.Authenticator.SignCount,
		Flags: uint8(made.Flags.ProtocolValue()), AAGUID: model(made.Authenticator.AAGUID), Name: s.passkeyName(answer.Name),
	}}, nil
}

// NewPasskey is what a browser and its owner say about a new passkey.
type NewPasskey struct {
	Response []byte // JSON (PublicKeyCredential.toJSON)
	Name     string // what its owner calls it; empty: when it was made
}

// model gives the id of the authenticator's model; one that does not tell has zeros.
func model(aaguid []byte) string {
	if len(bytes.Trim(aaguid, "\x00")) == 0 {
		return ""
	}
	return string(aaguid)
}

func (s *Service) passkeyName(typed string) string {
	printable := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, typed)
	if name := directory.Cut(strings.TrimSpace(printable), directory.MaxPasskeyName); name != "" {
		return name
	}
	return "Passkey of " + s.deps.Now().UTC().Format("2 January 2006")
}

package local

import (
	"context"
	"log/slog"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// SignedIn is a finished sign-in.
type SignedIn struct {
	Token        seal.Secret   // for the session cookie
	MaxAge       time.Duration // of that cookie
	Organization directory.OrganizationID
	ReturnTo     string // a path on this origin; check it again
	Drop         string // name of a cookie to delete
}

// opening is by what a session is opened, besides a challenge.
type opening struct {
	recovery  directory.Hash
	passkey   string
	signCount uint32
	methods   []string // amr (RFC 8176)
}

// What is said of how people signed in. Nothing tells whether a passkey's key is in hardware, so it is a proof of possession.
var (
	methodsPasskey        = []string{"pop", "user", "mfa"}
	methodsPasskeyAndCode = []string{"pop", "user", "otp", "mfa"}
	methodsRecovery       = []string{"otp", "mca"} // two codes, over two channels
	methodsCode           = []string{"otp"}
)

// open writes the one command that consumes the challenge and what was used, and opens the session.
func (s *Service) open(ctx context.Context, who *signer, c *challenge, visit *Visit, by opening) (*SignedIn, *Refusal) {
	policy := who.organization.SignIn
	lifetime, idle := policy.Lifetime(), policy.SessionIdle
	if who.standing == directory.StandingBreakGlass {
		lifetime, idle = directory.BreakGlassLifetime, 0
	}
	user := who.user
	if user == "" {
		user = directory.ResourceID(seal.NewID())
	}
	token, hash := seal.MintToken(s.deps.SessionPrefix)
	session := directory.SessionID(seal.NewID())
	_, err := s.propose(ctx, who.organization.ID, who.actor(session), &command.OpenLocalSession{
		ID:              session,
		Hash:            hash,
		Email:           who.email,
		User:            user,
		Challenge:       c.hash(),
		ChallengeExpiry: c.remembered(),
		Recovery:        by.recovery,
		Passkey:         by.passkey,
		SignCount:       by.signCount,
		Lifetime:        int64(lifetime),
		SessionDetails:  command.SessionDetails{Idle: idle, Methods: by.methods, Agent: visit.Agent, Address: visit.Address},
	})
	if err != nil {
		return nil, refuse(ledgerReason(err), err)
	}
	s.deps.Logger.InfoContext(ctx, "signed in locally", slog.String("organization", string(who.organization.ID)),
		slog.String("session", string(session)), slog.Bool("break_glass", who.standing == directory.StandingBreakGlass))
	return &SignedIn{
		Token: token, MaxAge: time.Duration(lifetime) * time.Microsecond,
		Organization: who.organization.ID, ReturnTo: c.ReturnTo,
	}, nil
}

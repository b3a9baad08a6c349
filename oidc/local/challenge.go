package local

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"domicile/directory"
	"domicile/seal"
)

// purpose is what a challenge is for; it names the cookie, to which what is sealed is bound, so that a challenge for one
// purpose opens for no other.
type purpose string

const (
	purposeAssert purpose = "domicile_passkey" // sign in with a passkey
	purposeCode   purpose = "domicile_code"    // type the code that was mailed
	purposeEnrol  purpose = "domicile_enrol"   // add a passkey
)

const (
	challengeFormat   = 1
	challengeLifetime = 10 * time.Minute
	// rememberSlack keeps a used challenge beyond its own expiry, so that clocks that differ cannot revive it.
	rememberSlack = 5 * time.Minute

	maxCookieBytes = 4 << 10 // what browsers keep
	// challengeGrain is what challenges are padded to, so that their length does not tell what is in them.
	challengeGrain = 1 << 10
)

// challenge is a sign-in, or the registration of a passkey, under way. It lives nowhere but in a sealed cookie of the browser
// that began it: any node can finish it, and no other browser can.
type challenge struct {
	Format  int    `json:"v"`
	ID      string `json:"id"` // stays the same over the steps of a sign-in; the ledger takes it once
	Expires int64  `json:"exp"`
	// Void is a challenge that nothing answers: its address, or what came with it, was not right. It has all that a real
	// one has, and no code was mailed.
	Void     bool   `json:"void"`
	Signed   string `json:"signed"` // what the passkey has to sign
	Handle   string `json:"handle"` // of the credentials that a new passkey is for
	ReturnTo string `json:"to"`     // a path on this origin

	Organization directory.OrganizationID `json:"org"`
	Email        string                   `json:"mail"`
	Code         string                   `json:"code"` // that was mailed
	First        factor                   `json:"first"`
}

// factor is the first step of a sign-in with two.
type factor struct {
	Recovery  []byte `json:"rec,omitempty"` // hash of the recovery code
	Passkey   []byte `json:"key,omitempty"` // hash of the passkey's id
	SignCount uint32 `json:"count"`
}

// done tells whether there was a first step.
func (f *factor) done() bool { return len(f.Recovery) > 0 || len(f.Passkey) > 0 }

// Cookie is what to give to the browser: Secure, HttpOnly, SameSite=Lax, Path=/.
type Cookie struct {
	Name   string
	Value  string
	MaxAge time.Duration
}

// cookieName gives the full name of a challenge's cookie. Browsers accept the prefix only with Secure, Path=/ and no Domain,
// so that no sibling host can plant one.
func (s *Service) cookieName(p purpose) string {
	if s.deps.Dev {
		return string(p)
	}
	return "__Host-" + string(p)
}

// newChallenge begins a challenge.
func (s *Service) newChallenge() challenge {
	return challenge{Format: challengeFormat, ID: seal.NewID(), Expires: s.deps.Now().Add(challengeLifetime).Unix()}
}

// cookie seals a challenge for the browser.
func (s *Service) cookie(p purpose, c *challenge) (Cookie, *Refusal) {
	plain, err := json.Marshal(c)
	if err != nil {
		return Cookie{}, refuse(ReasonInternal, err)
	}
	if over := len(plain) % challengeGrain; over > 0 {
		plain = append(plain, bytes.Repeat([]byte{' '}, challengeGrain-over)...)
	}
	name := s.cookieName(p)
	sealed := base64.RawURLEncoding.EncodeToString(s.box.Seal(nil, plain, []byte(name)))
	return Cookie{Name: name, Value: sealed, MaxAge: challengeLifetime}, nil
}

var errChallenge = errors.New("not a challenge of this region")

// recall opens the challenge that this browser began.
func (s *Service) recall(p purpose, visit *Visit) (*challenge, *Refusal) {
	name := s.cookieName(p)
	value, ok := visit.cookie(name)
	if !ok {
		return nil, refuse(ReasonChallengeMissing, nil)
	}
	var c challenge
	if err := s.unseal(name, value, maxCookieBytes, &c); err != nil || c.Format != challengeFormat {
		return nil, refuse(ReasonChallengeInvalid, err)
	}
	if s.deps.Now().Unix() >= c.Expires {
		return nil, refuse(ReasonChallengeExpired, nil)
	}
	return &c, nil
}

// unseal reads what was sealed as JSON under a name in the same region and cluster.
func (s *Service) unseal(name, value string, limit int, into any) error {
	if len(value) > limit {
		return errChallenge
	}
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return errChallenge
	}
	plain, err := s.box.Open(nil, sealed, []byte(name))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, into)
}

// hash is what the ledger remembers of a used challenge.
func (c *challenge) hash() directory.Hash { return seal.HashToken("local challenge " + c.ID) }

// remembered is until when the ledger remembers it.
func (c *challenge) remembered() directory.Time {
	return directory.Time(time.Unix(c.Expires, 0).Add(rememberSlack).UnixMicro())
}

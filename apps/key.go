package apps

import (
	"crypto"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

const algorithm = string(jose.ES256)

// keys remembers opened private keys by kid: opening one costs more than a signature.
type keys struct {
	mu     sync.Mutex // guards what follows
	opened map[string]crypto.Signer
}

// keyPlace is where the private part of a signing key is sealed, see directory.SigningKey.
func (s *Service) keyPlace(id string) seal.Place {
	return seal.Place{Region: s.Identity.Region, Cluster: s.Identity.Cluster, Row: id, Field: "signing_key"}
}

// signingKey gives the key to sign with now, and its kid. A duty of the leader makes the keys; a new region has none for a
// moment.
func (s *Service) signingKey(view *state.View) (crypto.Signer, string, error) {
	key, ok := directory.Signer(view.SigningKeys(directory.KeyIDToken), s.now())
	if !ok {
		return nil, "", directory.Unavailable(time.Second, nil, "the region has no signing key yet")
	}
	signer, err := s.open(key)
	if err != nil {
		return nil, "", &directory.Error{Kind: directory.KindInternal, Err: fmt.Errorf("signing key %s: %w", key.ID, err)}
	}
	return signer, key.ID, nil
}

func (s *Service) open(key *directory.SigningKey) (crypto.Signer, error) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if signer, ok := s.keys.opened[key.ID]; ok {
		return signer, nil
	}
	private, err := s.Keyring.Open(s.keyPlace(key.ID), key.Private)
	if err != nil {
		return nil, err
	}
	signer, err := seal.ParseSigningKey(private)
	if err != nil {
		return nil, err
	}
	if s.keys.opened == nil || len(s.keys.opened) >= directory.MaxSigningKeys {
		s.keys.opened = make(map[string]crypto.Signer)
	}
	s.keys.opened[key.ID] = signer
	return signer, nil
}

// sign gives claims as a JWT of a type (RFC 8725 §3.11: a token of one type is never taken for one of another).
func (s *Service) sign(view *state.View, typ string, claims any) (string, error) {
	key, kid, err := s.signingKey(view)
	if err != nil {
		return "", err
	}
	text, err := signWith(key, kid, typ, claims)
	if err != nil {
		return "", &directory.Error{Kind: directory.KindInternal, Err: fmt.Errorf("sign: %w", err)}
	}
	return text, nil
}

func signWith(key crypto.Signer, kid, typ string, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	options := new(jose.SignerOptions).WithType(jose.ContentType(typ)).WithHeader(jose.HeaderKey("kid"), kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// hint is what an ID token of ours says, whatever its age.
type hint struct {
	Issuer   string                  `json:"iss"`
	Subject  directory.ResourceID    `json:"sub"`
	Audience directory.ApplicationID `json:"aud"`
	Session  directory.SessionID     `json:"sid"`
}

const maxHintToken = 32 << 10 // bytes

// readHint reads an id_token_hint: any ID token that a key of ours signed, expired ones included (RP-Initiated Logout §2).
func (s *Service) readHint(view *state.View, text string) (hint, bool) {
	if text == "" || len(text) > maxHintToken {
		return hint{}, false
	}
	token, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(token.Signatures) != 1 {
		return hint{}, false
	}
	header := token.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typeIDToken {
		return hint{}, false
	}
	for _, key := range view.SigningKeys(directory.KeyIDToken) {
		var public jose.JSONWebKey
		if key.ID != header.KeyID || json.Unmarshal([]byte(key.Public), &public) != nil {
			continue
		}
		payload, err := token.Verify(public)
		var h hint
		if err != nil || json.Unmarshal(payload, &h) != nil || h.Issuer != s.issuer {
			return hint{}, false
		}
		return h, true
	}
	return hint{}, false
}

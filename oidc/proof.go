package oidc

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/oauth2"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/seal"
)

// proof is what shows a token endpoint who we are: a client secret, or an assertion instead.
type proof struct {
	secret    seal.Secret
	assertion string
	previous  bool // it belongs to the secret or certificate before the present one
}

// options are what an exchange sends besides; the secret is part of its configuration.
func (p *proof) options() []oauth2.AuthCodeOption {
	if p.assertion == "" {
		return nil
	}
	return []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("client_assertion_type", assertionType), oauth2.SetAuthURLParam("client_assertion", p.assertion),
	}
}

// proofs gives what may let us in, the likeliest first: one, or two while a secret or certificate is replaced.
func (s *Service) proofs(ctx context.Context, connection *directory.Connection, meta *metadata) ([]proof, *Refusal) {
	if connection.AuthMethod == directory.AuthPrivateKey {
		return s.assertions(ctx, connection, meta)
	}
	var proofs []proof
	for i, sealed := range []seal.Sealed{connection.ClientSecret, connection.PreviousSecret} {
		if i > 0 && len(sealed) == 0 {
			break
		}
		secret, err := s.deps.Keyring.Open(SecretPlace(s.deps.Identity, connection.Organization, connection.ID), sealed)
		if err != nil {
			return nil, refuse(ReasonInternal, err)
		}
		proofs = append(proofs, proof{secret: secret, previous: i > 0})
	}
	return proofs, nil
}

// SecretPlace is where a connection's client secret is sealed.
func SecretPlace(identity state.Identity, organization directory.OrganizationID, connection directory.ConnectionID) seal.Place {
	return seal.Place{
		Region: identity.Region, Cluster: identity.Cluster, Organization: string(organization),
		Row: string(connection), Field: "client_secret",
	}
}

// maxProofOrders bounds the connections of which is known which proof comes first.
const maxProofOrders = 1000

// proofOrder remembers which proof a connection's provider took last where it did not take the first, so that a provider that
// burns the code with the first try costs one sign-in and not all of them.
type proofOrder struct {
	mu    sync.Mutex
	taken map[directory.ConnectionID]takenProof // guarded by mu
}

type takenProof struct {
	means    directory.Hash // of the connection
	previous bool
}

// meansOf names by what a connection may be let in: another version of it may well have the same.
func meansOf(c *directory.Connection) directory.Hash {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %x %x %d", c.Issuer, c.ClientID, c.AuthMethod, []byte(c.ClientSecret),
		[]byte(c.PreviousSecret), c.SecretExpires))
}

func newProofOrder() *proofOrder {
	return &proofOrder{taken: make(map[directory.ConnectionID]takenProof)}
}

// of puts a connection's proofs, the likeliest first, into the order in which to try them.
func (o *proofOrder) of(connection *directory.Connection, proofs []proof) []proof {
	o.mu.Lock()
	defer o.mu.Unlock()
	if last, known := o.taken[connection.ID]; known && last.means == meansOf(connection) && last.previous != proofs[0].previous {
		slices.Reverse(proofs)
	}
	return proofs
}

// took notes the proof that let us in where another was tried before.
func (o *proofOrder) took(connection *directory.Connection, proof proof) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.taken) >= maxProofOrders {
		clear(o.taken)
	}
	o.taken[connection.ID] = takenProof{meansOf(connection), proof.previous}
}

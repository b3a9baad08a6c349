package directory

import "crypto/sha256"

// Provider is what an issuer last said about itself, kept so that a node that has just started can sign people in while the
// issuer cannot be asked, and so that nodes need not all ask. It is public data of the issuer's own.
type Provider struct {
	Issuer   string
	Metadata ProviderCopy
	Keys     ProviderCopy
	Moves    []ProviderMove // oldest first
	Version  uint64
}

// ProviderDocument says which of an issuer's documents is meant. Numbers are append-only.
type ProviderDocument uint8

// The documents.
const (
	ProviderMetadata ProviderDocument = 1 // the discovery document, JSON
	ProviderKeys     ProviderDocument = 2 // the JSON Web Key Set
)

// ProviderCopy is one of an issuer's documents as it came; without a text there is none.
type ProviderCopy struct {
	Text    string
	Fetched Time
	Life    Time // how long it may be used without asking again, as the issuer said, in microseconds; 0: it did not say
}

// ProviderMove is an endpoint that went to another host.
type ProviderMove struct {
	Endpoint string // its member of the discovery document
	From, To string // hosts; the document no longer names the endpoint where To is empty
	At       Time   // when the document was had that says so
}

// Bounds of what is kept of an issuer.
const (
	MaxProviderDocument = 64 << 10 // bytes of each of the two
	MaxProviderLife     = day
	MaxProviderMoves    = 10
	MaxProviders        = 10_000 // issuers; those that no connection names are dropped first
	MaxProviderHost     = 300    // bytes of a host with its port
	maxEndpoint         = 64     // bytes of an endpoint's name
)

// Copy gives the place of a document, nil for one that is not known.
func (p *Provider) Copy(document ProviderDocument) *ProviderCopy {
	switch document {
	case ProviderMetadata:
		return &p.Metadata
	case ProviderKeys:
		return &p.Keys
	default:
		return nil
	}
}

// grain is how much newer a document that did not change has to be for its time to be noted: nodes that ask at about one time
// do not all write, and what the leader's job asks for every 15 minutes, or every hour, is noted each time.
func (d ProviderDocument) grain() Time {
	if d == ProviderKeys {
		return hour / 6
	}
	return hour
}

// Confirms tells whether it is worth noting that a document that is kept was had again, unchanged, at a later time.
func (d ProviderDocument) Confirms(kept *ProviderCopy, at Time) bool {
	grain := d.grain()
	if kept.Life > 0 {
		grain = min(grain, kept.Life/2)
	}
	return kept.Text != "" && at >= kept.Fetched+grain
}

// Hash names the text, zero for none.
func (c *ProviderCopy) Hash() Hash {
	if c.Text == "" {
		return Hash{}
	}
	return sha256.Sum256([]byte(c.Text))
}

// Fits tells whether a move is within its bounds.
func (m *ProviderMove) Fits() bool {
	return m.Endpoint != "" && len(m.Endpoint) <= maxEndpoint && max(len(m.From), len(m.To)) <= MaxProviderHost
}

package directory

// Provider is what an issuer last said about itself, kept so that a node that has just started can sign people in while the
// issuer cannot be asked. It is public data of the issuer's own.
type Provider struct {
	Issuer      string
	Metadata    string // the discovery document, JSON
	Keys        string // the JSON Web Key Set
	Fetched     Time   // when Metadata was had
	KeysFetched Time   // when Keys were had
	Version     uint64
}

// Bounds of what is kept of an issuer.
const (
	MaxProviderDocument = 64 << 10 // bytes of each of the two
	MaxProviders        = 10_000   // issuers; those that no connection names are dropped first
)

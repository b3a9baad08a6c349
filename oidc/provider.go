package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"domicile/directory"
)

const (
	metadataFresh = 24 * time.Hour // unless the provider says otherwise, as of keys
	metadataStale = 7 * 24 * time.Hour
	keysFresh     = 20 * time.Minute // more than between two runs of the leader's job, so that no other node asks
	keysStale     = 72 * time.Hour

	maxProviders   = 4096
	maxConcurrency = 64 // sign-ins that wait for one provider
)

// metadata is what we read of a discovery document (OpenID Connect Discovery §3).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	UserinfoEndpoint      string   `json:"userinfo_endpoint"`
	EndSessionEndpoint    string   `json:"end_session_endpoint"`
	KeysURL               string   `json:"jwks_uri"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	SendsIssuer           bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

// provider is one issuer with what is known about it.
type provider struct {
	meta  *document[*metadata]
	keys  *document[[]verificationKey]
	slots chan struct{}
	used  time.Time // guarded by providers.mu
}

// providers keeps what is known about issuers, a bounded number of them. An issuer's documents are fetched from the
// issuer itself, so connections of several organizations may share them.
type providers struct {
	fetch *fetcher
	shelf *shelf
	now   func() time.Time

	mu   sync.Mutex
	byID map[string]*provider // by issuer; guarded by mu
}

func newProviders(fetch *fetcher, shelf *shelf, now func() time.Time) *providers {
	return &providers{fetch: fetch, shelf: shelf, now: now, byID: make(map[string]*provider)}
}

// of gives the provider of an issuer.
func (p *providers) of(issuer string) *provider {
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.byID[issuer]
	if !ok {
		p.makeRoom()
		found = p.open(issuer)
		p.byID[issuer] = found
	}
	found.used = p.now()
	return found
}

// makeRoom forgets the provider that was not asked for the longest time when there are too many.
func (p *providers) makeRoom() {
	if len(p.byID) < maxProviders {
		return
	}
	var oldest string
	for issuer, candidate := range p.byID {
		if oldest == "" || candidate.used.Before(p.byID[oldest].used) {
			oldest = issuer
		}
	}
	delete(p.byID, oldest)
}

func (p *providers) open(issuer string) *provider {
	opened := &provider{slots: make(chan struct{}, maxConcurrency)}
	opened.meta = newDocument(p.now, metadataFresh, metadataStale, source[*metadata]{
		fetch: func(ctx context.Context) ([]byte, time.Duration, error) {
			return p.fetch.document(ctx, endpointDiscovery, directory.DiscoveryURL(issuer))
		},
		parse: func(text []byte) (*metadata, error) { return p.fetch.parseMetadata(issuer, text) },
		recall: func(ctx context.Context) kept {
			return p.shelf.recall(ctx, shelfPlace{issuer, directory.ProviderMetadata})
		},
		keep: func(ctx context.Context, old, made kept) {
			p.shelf.noteMoves(ctx, issuer, old, made)
			p.shelf.keep(ctx, shelfPlace{issuer, directory.ProviderMetadata}, made)
		},
	})
	opened.keys = newDocument(p.now, keysFresh, keysStale, source[[]verificationKey]{
		fetch: func(ctx context.Context) ([]byte, time.Duration, error) {
			meta, err := opened.meta.get(ctx)
			if err != nil {
				return nil, 0, err
			}
			return p.fetch.document(ctx, endpointKeys, meta.KeysURL)
		},
		parse:  parseKeys,
		recall: func(ctx context.Context) kept { return p.shelf.recall(ctx, shelfPlace{issuer, directory.ProviderKeys}) },
		keep: func(ctx context.Context, _, made kept) {
			p.shelf.keep(ctx, shelfPlace{issuer, directory.ProviderKeys}, made)
		},
	})
	return opened
}

// enter takes one of the provider's slots; false when too many sign-ins wait for it already.
func (p *provider) enter() (leave func(), ok bool) {
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, true
	default:
		return nil, false
	}
}

// metadata gives the discovery document of an issuer.
func (p *providers) metadata(ctx context.Context, issuer string) (*metadata, *Refusal) {
	of := p.of(issuer)
	leave, ok := of.enter()
	if !ok {
		return nil, refuse(ReasonProviderBusy, nil)
	}
	defer leave()
	meta, err := of.meta.get(ctx)
	if err != nil {
		return nil, refuse(ReasonProviderDown, err)
	}
	return meta, nil
}

// parseMetadata reads and checks a discovery document: its issuer must be exactly ours, and its endpoints https.
func (f *fetcher) parseMetadata(issuer string, text []byte) (*metadata, error) {
	var meta metadata
	if err := json.Unmarshal(text, &meta); err != nil {
		return nil, errors.New("discover: not a discovery document")
	}
	if meta.Issuer != issuer {
		return nil, &gooidc.IssuerMismatchError{Provided: issuer, Discovered: meta.Issuer}
	}
	for _, endpoint := range []string{meta.AuthorizationEndpoint, meta.TokenEndpoint, meta.KeysURL} {
		if err := f.endpointURL(endpoint); err != nil {
			return nil, fmt.Errorf("discover: %w", err)
		}
	}
	meta.Algorithms = acceptable(meta.Algorithms)
	return &meta, nil
}

// acceptable keeps the algorithms that we verify. A provider that names none signs with RS256 (Discovery §3).
func acceptable(announced []string) []string {
	var algorithms []string
	for _, algorithm := range announced {
		if _, ok := algorithmOf(algorithm); ok && !slices.Contains(algorithms, algorithm) {
			algorithms = append(algorithms, algorithm)
		}
	}
	if len(announced) == 0 {
		algorithms = []string{gooidc.RS256}
	}
	return algorithms
}

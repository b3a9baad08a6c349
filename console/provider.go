package console

import (
	"context"

	"domicile/directory"
	"domicile/fsm/state"
)

// MaxNamedConnections is how many of the connections to a provider are named.
const MaxNamedConnections = 20

// Provider is what the region keeps of an identity provider, with who signs in there.
type Provider struct {
	*directory.Provider
	Connections int                     // to it, of all organizations
	Named       []*directory.Connection // some of them, by client id
}

// ProviderQuery asks for one page of the region's providers.
type ProviderQuery struct {
	Issuer string // exactly; empty: all
	Paging
}

// ProviderPage is one page of providers by issuer.
type ProviderPage struct {
	Providers     []Provider
	NextPageToken string // "" on the last page
}

// ListProviders gives one page of the identity providers of which the region keeps a document. Errors: KindInvalid.
func (s *Service) ListProviders(ctx context.Context, q ProviderQuery) (ProviderPage, error) {
	size, after, err := q.bounds()
	if err != nil {
		return ProviderPage{}, err
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return ProviderPage{}, err
	}
	if q.Issuer != "" {
		if p, ok := view.Provider(q.Issuer); ok {
			return ProviderPage{Providers: []Provider{describeProvider(view, p)}}, nil
		}
		return ProviderPage{}, nil
	}
	providers, next := take(view.ProvidersFrom(after), size, func(p *directory.Provider) string { return p.Issuer })
	page := ProviderPage{NextPageToken: next}
	for _, p := range providers {
		page.Providers = append(page.Providers, describeProvider(view, p))
	}
	return page, nil
}

func describeProvider(view *state.View, p *directory.Provider) Provider {
	described := Provider{Provider: p}
	for connection := range view.ConnectionsTo(p.Issuer) {
		if described.Connections++; described.Connections <= MaxNamedConnections {
			described.Named = append(described.Named, connection)
		}
	}
	return described
}

package console

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

// NewClient is what is chosen when an OAuth 2.0 client is made.
type NewClient struct {
	Name         string
	RedirectURIs []string // none: client credentials only
}

// Client is an OAuth 2.0 client with the tokens that it holds, access tokens first, oldest first.
type Client struct {
	*directory.Client
	Tokens []*directory.Token
}

// CreateClient makes an OAuth 2.0 client for an organization's IdP. Its secret is given here and never again. Errors:
// KindInvalid with the field, KindNotFound, KindForbidden when the plan does not include SCIM, KindTooLarge when there are
// too many.
func (s *Service) CreateClient(
	ctx context.Context, actor string, org directory.OrganizationID, in NewClient,
) (*directory.Client, seal.Secret, error) {
	client := &directory.Client{
		ID: directory.ClientID(s.deps.NewID()), Organization: org, Name: strings.TrimSpace(in.Name), RedirectURIs: in.RedirectURIs,
	}
	if err := validateText("name", client.Name); err != nil {
		return nil, seal.Secret{}, err
	}
	if err := client.Validate(); err != nil {
		return nil, seal.Secret{}, err
	}
	if _, err := s.provisioned(ctx, org); err != nil {
		return nil, seal.Secret{}, err
	}
	secret, hash := seal.MintToken("dom_" + s.deps.Region.ID + "_client_")
	client.SecretHash = hash
	result, err := s.propose(ctx, actor, org, &command.CreateClient{
		ID: client.ID, Name: client.Name, SecretHash: client.SecretHash, RedirectURIs: client.RedirectURIs,
	})
	if err != nil {
		return nil, seal.Secret{}, err
	}
	client.Created, client.Version = result.Created, result.Version
	return client, secret, nil
}

// GetClient finds an OAuth 2.0 client of an organization. Errors: KindNotFound.
func (s *Service) GetClient(ctx context.Context, org directory.OrganizationID, id directory.ClientID) (Client, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return Client{}, err
	}
	client, ok := d.Client(id)
	if !ok {
		return Client{}, directory.Errorf(directory.KindNotFound, "", "there is no OAuth client %q", id)
	}
	return clientOf(d, client), nil
}

// ListClients gives an organization's OAuth 2.0 clients, oldest first. Errors: KindNotFound.
func (s *Service) ListClients(ctx context.Context, org directory.OrganizationID) ([]Client, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	var all []Client
	for client := range d.Clients() {
		all = append(all, clientOf(d, client))
	}
	slices.SortStableFunc(all, func(a, b Client) int { return cmp.Compare(a.Created, b.Created) })
	return all, nil
}

func clientOf(d *state.Directory, client *directory.Client) Client {
	tokens := slices.Collect(d.TokensOf(directory.TokenAccess, client.ID))
	return Client{client, slices.AppendSeq(tokens, d.TokensOf(directory.TokenRefresh, client.ID))}
}

// DeleteClient removes a client; its tokens are refused as soon as this applies. Errors: KindNotFound.
func (s *Service) DeleteClient(ctx context.Context, actor string, org directory.OrganizationID, id directory.ClientID) error {
	_, err := s.propose(ctx, actor, org, &command.DeleteClient{ID: id})
	return err
}

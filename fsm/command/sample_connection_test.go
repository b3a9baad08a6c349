package command_test

import (
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// connectionSamples are of level 2: connections and their requests, domains, applications and keys. On a ledger of that level
// they make sense as a story.
var connectionSamples = []command.Payload{
	&command.CreateOrganization{OrganizationFields: secondAcme},
	&command.PutApplication{
		ID: "application-2", Name: "Portal", SecretHash: hash(20), PreviousHash: hash(21),
		RedirectURIs: []string{"https://portal.example/callback"}, LogoutURIs: []string{"https://portal.example/bye"},
		BackChannelURI: "https://portal.example/logout",
	},
	&command.PutSigningKey{ID: "key-1", Use: directory.KeyIDToken, Private: seal.Sealed("sealed\x00key"), Public: `{"kty":"EC"}`},
	&command.PutSigningKey{ID: "key-2", Use: directory.KeyIDToken, Private: seal.Sealed("k2"), Public: `{"kty":"EC"}`, Expect: "key-1"},
	&command.PutProvider{
		Issuer: "https://idp.example", Document: directory.ProviderMetadata, Text: sampleMetadata, Fetched: start - 1, Life: 3600_000_000,
	},
	&command.PutConnection{
		ID: "connection-2", Issuer: "https://idp.example", ClientID: "client", ClientSecret: seal.Sealed("sealed"),
		ConnectionSettings: secondChoices, Enabled: true, SecretExpires: start + 86_400_000_000, PreviousSecret: seal.Sealed("before"),
		Domains: []string{"acme.example", "more.example"},
	},
	&command.PutDomain{Name: "new.example", Challenge: "challenge-1"},
	&command.LookDomain{Name: "new.example", Challenge: "challenge-1", Found: true},
	&command.PutRequest{ID: "request-1", Connection: "connection-2", RequestChoices: secondRequest},
	&command.PutRequest{ID: "request-1", ExpectVersion: 10, Connection: "connection-2", RequestChoices: secondRequest},
	&command.StepRequest{ID: "request-1", To: directory.RequestSubmitted},
	&command.StepRequest{ID: "request-1", ExpectVersion: 12, To: directory.RequestApproved, Note: "Looks good."},
	&command.StepRequest{ID: "request-1", To: directory.RequestActive},
	&command.UpdateOrganization{ExpectVersion: 14, OrganizationFields: secondAcme},
	&command.CreateUser{ID: "user-3", Source: directory.SourceJIT, UserFields: command.UserFields{
		Active: true, UserName: "jo@acme.example", UserNameKey: "jo@acme.example", Emails: []string{"jo@acme.example"},
	}},
	&command.StepRequest{ID: "request-1", To: directory.RequestDisabled},
	&command.DeleteRequest{ID: "request-1"},
	&command.DeleteDomain{Name: "new.example"},
	&command.DeleteApplication{ID: "application-2"},
	&command.PutProvider{
		Issuer: "https://idp.example", Document: directory.ProviderMetadata, Seen: hashOf(sampleMetadata), Text: sampleMetadata + " ", Fetched: start,
		Moves: []directory.ProviderMove{
			{Endpoint: "token_endpoint", From: "idp.example", To: "new.example"}, {Endpoint: "userinfo_endpoint", From: "idp.example"},
		},
	},
	&command.PutProvider{Issuer: "https://idp.example", Document: directory.ProviderKeys, Text: `{"keys":[]}`, Fetched: start + 1},
}

const sampleMetadata = `{"issuer":"https://idp.example"}`

func hashOf(text string) directory.Hash { return (&directory.ProviderCopy{Text: text}).Hash() }

var secondAcme = command.OrganizationFields{
	Slug: "acme-two", Name: "Acme", Domains: []string{"acme.example", "new.example"}, RootEmail: "root@acme.example",
	Profile:    directory.ProfileInterop,
	SignIn:     directory.SignInPolicy{SessionLifetime: 43_200_000_000, SessionIdle: 1_800_000_000, RequireSSO: true},
	BreakGlass: []string{"glass@acme.example"}, Phone: directory.PhonePolicy{MayChange: true, MustConfirm: true},
}

var secondChoices = directory.ConnectionSettings{
	AuthMethod: directory.AuthPrivateKey, Scopes: []string{"groups"}, ResponseMode: directory.ResponseFormPost, Prompt: "login",
	MaxAge: 3600, ACRValues: []string{"urn:acr:2", "urn:acr:3"}, SharedRedirect: true, NamesIssuer: true, JustInTime: true,
}

var secondRequest = directory.RequestChoices{
	Issuer: "https://idp.example", ClientID: "client", ClientSecret: seal.Sealed("sealed anew"), SecretExpires: start + 90_000_000_000,
	ConnectionSettings: secondChoices, Domains: []string{"acme.example", "more.example"},
	BreakGlass: []string{"glass@acme.example", "two@mail.more.example"}, Phone: directory.PhonePolicy{MustConfirm: true},
}

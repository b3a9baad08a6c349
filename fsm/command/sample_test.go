package command_test

import (
	"bytes"
	"fmt"
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// sampleOrder is the order in which the samples make sense as one story: the golden replay of package fsm applies them so.
// All of it is released.
var sampleOrder = []command.Payload{
	&command.RaiseLevel{Level: 1},
	&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop,
	}},
	&command.UpdateOrganization{ExpectVersion: 2, OrganizationFields: command.OrganizationFields{
		Slug: "acme-corp", Name: "Acme Corporation", Domains: []string{"acme.example", "acme.test"},
		RootEmail: "root@acme.example", Profile: directory.ProfileEntra,
		SCIM: directory.SCIMActive, SCIMPaused: true, Principal: "Acme's Entra", DeletePolicy: directory.PolicyDeactivate,
		SingleToken: true, Plan: "enterprise",
	}},
	&command.CreateClient{
		ID: "client-1", Name: "Okta", SecretHash: hash(7), RedirectURIs: []string{"https://okta.example/callback", "http://[::1]/"},
	},
	&command.CreateToken{
		Tokens: []command.NewToken{
			{
				ID: "token-1", Hash: hash(1), Name: "Okta", Hint: "x7Qz", Expires: start + 3600_000_000,
				Kind: directory.TokenAccess, Client: "client-1",
			},
			{ID: "token-2", Hash: hash(4), Name: "Okta", Hint: "p3Aa", Kind: directory.TokenRefresh, Client: "client-1"},
		},
		Consume: hash(5), ConsumeExpiry: start + 600_000_000,
	},
	&command.PutConnection{
		ID: "connection-1", Issuer: "https://idp.example", ClientID: "client", ClientSecret: seal.Sealed("sealed\x00bytes"),
		ConnectionSettings: directory.ConnectionSettings{AuthMethod: directory.AuthPost, Scopes: []string{"groups", "offline_access"}},
		Enabled:            true,
	},
	&command.CreateUser{ID: "user-1", Source: directory.SourceSCIM, UserFields: command.UserFields{
		Active: true, UserName: "Ann@acme.example", UserNameKey: "ann@acme.example", ExternalID: "ext-1", DisplayName: "Ann",
		Emails: []string{"ann@acme.example", "a@acme.test"}, Attributes: `{"userName":"Ann@acme.example"}`,
	}},
	&command.ReplaceUser{ID: "user-1", ExpectVersion: 7, UserFields: command.UserFields{
		Active: true, UserName: "Ann.B@acme.example", UserNameKey: "ann.b@acme.example", ExternalID: "ext-2", DisplayName: "Ann B",
		Emails: []string{"ann.b@acme.example"}, Attributes: `{"userName":"Ann.B@acme.example"}`,
	}},
	&command.CreateGroup{ID: "group-1", Source: directory.SourceSCIM, GroupFields: command.GroupFields{
		DisplayName: "Staff", DisplayNameKey: "staff", ExternalID: "ext-3", Attributes: `{"displayName":"Staff"}`,
	}, Members: []directory.ResourceID{"user-1"}},
	&command.UpdateGroup{
		ID: "group-1", ExpectVersion: 9, Mode: command.MembersDelta,
		Fields: &command.GroupFields{
			DisplayName: "All staff", DisplayNameKey: "all staff", ExternalID: "ext-4", Attributes: `{"displayName":"All staff"}`,
		},
		Add: []directory.ResourceID{"user-1"}, Remove: []directory.ResourceID{"user-2", "user-3"},
	},
	&command.OpenSession{
		ID: "session-1", Hash: hash(2), User: "user-1", Connection: "connection-1", ConnectionVersion: 6,
		Transaction: hash(3), TransactionExpiry: start + 600_000_000, Lifetime: 43_200_000_000,
		Issuer: "https://idp.example", Subject: "subject-1",
	},
	&command.CloseSession{Hash: hash(2)},
	&command.DeleteGroup{ID: "group-1", ExpectVersion: 10},
	&command.DeleteUser{ID: "user-1", ExpectVersion: 8},
	&command.RestoreUser{ID: "user-1"},
	&command.StageMembers{
		Change: directory.ChangeID{1, 15: 2}, Add: []directory.ResourceID{"user-1"}, Remove: []directory.ResourceID{"user-2"},
	},
	&command.CreateGroup{ID: "group-2", Source: directory.SourceInvited, GroupFields: command.GroupFields{
		DisplayName: "Large", DisplayNameKey: "large", Attributes: `{"displayName":"Large"}`,
	}, Staged: directory.ChangeID{1, 15: 2}},
	&command.StageMembers{Change: directory.ChangeID{3}, Remove: []directory.ResourceID{"user-1"}},
	&command.UpdateGroup{ID: "group-2", Mode: command.MembersDelta, Staged: directory.ChangeID{3}},
	&command.AppendSyncLog{Rows: []directory.SyncRow{{
		At: start, Actor: "token:token-1", Resource: "User", ID: "user-9", Name: "ann@acme.example", Status: 409, Changed: true,
		Detail: "userName is already taken", ScimType: "uniqueness", SyncNote: *note(), Document: `{"userName":"ann@acme.example"}`,
	}, {}}},
	&command.MarkNotified{Failures: 1},
	&command.ConvertUsers{IDs: []directory.ResourceID{"user-1"}, To: directory.SourceInvited},
	&command.RenameUsers{},
	&command.DeleteUser{ID: "user-1"},
	&command.EraseUser{ID: "user-1"},
	&command.CreateUser{ID: "user-2", Source: directory.SourceInvited},
	&command.DeleteUser{ID: "user-2", Erase: true},
	&command.DeleteConnection{ID: "connection-1"},
	&command.PutSettings{SettingsFields: command.SettingsFields{
		Plans: []directory.Plan{{Name: "basic", SignIn: true}, {Name: "enterprise", SignIn: true, SCIM: true}}, DefaultPlan: "basic",
		NewSCIM: directory.SCIMApproved, SCIMWithoutSignIn: true, RequestRate: -1,
	}},
	&command.TouchTokens{Uses: []command.TokenUse{
		{Organization: "organization-1", ID: "token-1", At: start, IP: "192.0.2.7"},
		{Organization: "organization-2", ID: "token-9", At: start + 1, IP: "2001:db8::7"},
	}},
	&command.PutSchema{
		URN: "urn:acme:scim:Employee", Resource: "User", Document: `{"id":"urn:acme:scim:Employee","name":"Employee"}`,
	},
	&command.DeleteSchema{URN: "urn:acme:scim:Employee"},
	&command.RevokeToken{ID: "token-1"},
	&command.DeleteClient{ID: "client-1"},
	&command.DeleteOrganization{},
}

// start is the leader's first stamp of the story.
const start = directory.Time(1_700_000_000_000_000)

func hash(seed byte) directory.Hash { return directory.Hash(bytes.Repeat([]byte{seed}, 32)) }

func note() *directory.SyncNote {
	return &directory.SyncNote{
		Method: directory.SyncPatch, Request: "request-1", Client: "Okta SCIM Client 1.0", Operations: `replace displayName "Ann B"`,
		Changes: []string{"displayName", "emails"}, Courtesies: []string{"path-case"},
	}
}

// samples are those of every level.
func samples() []command.Payload {
	return slices.Concat(sampleOrder, sessionSamples, connectionSamples)
}

// place counts the samples of p's kind up to p.
func place(p command.Payload) int {
	n := 1
	for _, other := range samples() {
		if other == p {
			break
		}
		if other.Kind() == p.Kind() {
			n++
		}
	}
	return n
}

// sampleName is the name of the kind, for the second and further samples of a kind with a number.
func sampleName(p command.Payload) string {
	if n := place(p); n > 1 {
		return fmt.Sprintf("%s_%d", p.Kind(), n)
	}
	return p.Kind().String()
}

func sample(p command.Payload) command.Command {
	kind := p.Kind()
	c := command.Command{
		RequestID: command.RequestID{0: byte(kind >> 8), 1: byte(kind), 14: byte(place(p) - 1), 15: 0xff}, Deadline: start + 30_000_000,
		Organization: "organization-1", Actor: "token:token-1", Payload: p,
	}
	switch kind {
	case command.KindRaiseLevel, command.KindPutSettings, command.KindTouchTokens, command.KindTouchSessions,
		command.KindCountAttempt, command.KindFinishErrands, command.KindPutProvider, command.KindPutSigningKey,
		command.KindPutApplication, command.KindDeleteApplication:
		c.Organization, c.Actor = "", "operator"
	case command.KindReplaceUser, command.KindUpdateGroup:
		c.Note = note()
	case command.KindDeleteGroup:
		c.Note = new(directory.SyncNote)
	}
	return c
}

func sampleEntry() command.Entry {
	entry := command.Entry{Region: "eu", Cluster: "cluster-1", At: start}
	for _, p := range sampleOrder[:3] {
		c := sample(p)
		entry.Commands = append(entry.Commands, c.Encode())
	}
	return entry
}

package command_test

import (
	"bytes"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// sampleOrder is the order in which the samples make sense as one story: the golden replay of package fsm applies them so.
// Append a new kind where it fits.
var sampleOrder = []command.Payload{
	&command.RaiseLevel{Level: 1},
	&command.CreateOrganization{OrganizationFields: command.OrganizationFields{
		Slug: "acme", Name: "Acme", Domains: []string{"acme.example"}, Profile: directory.ProfileInterop,
	}},
	&command.UpdateOrganization{ExpectVersion: 2, OrganizationFields: command.OrganizationFields{
		Slug: "acme-corp", Name: "Acme Corporation", Domains: []string{"acme.example", "acme.test"},
		RootEmail: "root@acme.example", Profile: directory.ProfileEntra,
	}},
	&command.CreateToken{ID: "token-1", Hash: hash(1), Name: "Entra", Hint: "x7Qz", Expires: start + 3600_000_000},
	&command.PutConnection{
		ID: "connection-1", Issuer: "https://idp.example", ClientID: "client", ClientSecret: seal.Sealed("sealed\x00bytes"),
		AuthMethod: directory.AuthPost, Scopes: []string{"groups", "offline_access"}, Enabled: true,
	},
	&command.CreateUser{ID: "user-1", Source: directory.SourceSCIM, UserFields: command.UserFields{
		Active: true, UserName: "Ann@acme.example", UserNameKey: "ann@acme.example", ExternalID: "ext-1", DisplayName: "Ann",
		Emails: []string{"ann@acme.example", "a@acme.test"}, Attributes: `{"userName":"Ann@acme.example"}`,
	}},
	&command.ReplaceUser{ID: "user-1", ExpectVersion: 6, UserFields: command.UserFields{
		Active: true, UserName: "Ann.B@acme.example", UserNameKey: "ann.b@acme.example", ExternalID: "ext-2", DisplayName: "Ann B",
		Emails: []string{"ann.b@acme.example"}, Attributes: `{"userName":"Ann.B@acme.example"}`,
	}},
	&command.CreateGroup{ID: "group-1", Source: directory.SourceSCIM, GroupFields: command.GroupFields{
		DisplayName: "Staff", DisplayNameKey: "staff", ExternalID: "ext-3", Attributes: `{"displayName":"Staff"}`,
	}, Members: []directory.ResourceID{"user-1"}},
	&command.UpdateGroup{
		ID: "group-1", ExpectVersion: 8, Mode: command.MembersDelta,
		Fields: &command.GroupFields{
			DisplayName: "All staff", DisplayNameKey: "all staff", ExternalID: "ext-4", Attributes: `{"displayName":"All staff"}`,
		},
		Add: []directory.ResourceID{"user-1"}, Remove: []directory.ResourceID{"user-2", "user-3"},
	},
	&command.OpenSession{
		ID: "session-1", Hash: hash(2), User: "user-1", Connection: "connection-1", ConnectionVersion: 5,
		Transaction: hash(3), TransactionExpiry: start + 600_000_000, Lifetime: 43_200_000_000,
		Issuer: "https://idp.example", Subject: "subject-1",
	},
	&command.CloseSession{Hash: hash(2)},
	&command.DeleteGroup{ID: "group-1", ExpectVersion: 9},
	&command.DeleteUser{ID: "user-1", ExpectVersion: 7},
	&command.DeleteConnection{ID: "connection-1"},
	&command.RevokeToken{ID: "token-1"},
	&command.DeleteOrganization{},
}

// start is the leader's first stamp of the story.
const start = directory.Time(1_700_000_000_000_000)

func hash(seed byte) directory.Hash { return directory.Hash(bytes.Repeat([]byte{seed}, 32)) }

func sample(p command.Payload) command.Command {
	kind := p.Kind()
	c := command.Command{
		RequestID: command.RequestID{0: byte(kind >> 8), 1: byte(kind), 15: 0xff}, Deadline: start + 30_000_000,
		Organization: "organization-1", Actor: "token:token-1", Payload: p,
	}
	if kind == command.KindRaiseLevel {
		c.Organization, c.Actor = "", "operator"
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

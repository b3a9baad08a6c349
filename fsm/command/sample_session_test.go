package command_test

import (
	"domicile/directory"
	"domicile/fsm/command"
	"domicile/seal"
)

// sessionSamples are of level 2: sessions, sign-in without an identity provider, and errands. With the first samples of the
// organization, its connection and user before them they make sense as a story, too.
var sessionSamples = []command.Payload{
	&command.RaiseLevel{Level: 2},
	&command.PutConnection{
		ID: "connection-1", Issuer: "https://idp.example", ClientID: "client", ClientSecret: seal.Sealed("sealed\x00again"),
		ConnectionSettings: directory.ConnectionSettings{
			AuthMethod: directory.AuthPrivateKey, Scopes: []string{"groups"}, ResponseMode: directory.ResponseFormPost, Prompt: "login",
			MaxAge: 3600, ACRValues: []string{"urn:mfa"}, SharedRedirect: true, NamesIssuer: true, JustInTime: true,
		},
		Enabled: true, SecretExpires: start + 10*86_400_000_000, PreviousSecret: seal.Sealed("sealed\x00bytes"),
	},
	&command.PutApplication{
		ID: "application-1", Name: "Product", SecretHash: hash(20), RedirectURIs: []string{"https://app.example/callback"},
		LogoutURIs: []string{"https://app.example/"}, BackChannelURI: "https://app.example/logout",
	},
	&command.OpenSession{
		ID: "session-2", Hash: hash(12), User: "user-1", Connection: "connection-1", ConnectionVersion: 5,
		Transaction: hash(13), TransactionExpiry: start + 600_000_000, Lifetime: 43_200_000_000,
		Issuer: "https://idp.example", Subject: "subject-1", SessionDetails: command.SessionDetails{
			Idle: 1800_000_000, Methods: []string{"pwd", "mfa"}, Agent: "Firefox on Linux", Address: "192.0.2.7",
		},
		ProviderSID: "sid-1", Context: "urn:mfa", Authed: start - 1_000_000, Algorithm: "RS256",
	},
	&command.JoinSession{Session: hash(12), Application: "application-1", Code: hash(14), CodeExpiry: start + 60_000_000},
	&command.TouchSessions{Uses: []command.SessionUse{{Hash: hash(12), At: start + 1_000_000}, {Hash: hash(99), At: start}}},
	&command.PutSetupLink{Email: "root@acme.example", Handle: "handle-1", Hash: hash(23), Expires: start + 86_400_000_000},
	&command.PutPasskey{
		Setup: command.Setup{Link: hash(23), Next: hash(24)}, Email: "root@acme.example", Handle: "handle-1", Passkey: directory.Passkey{
			ID: "raw\x00id", PublicKey: "cose", SignCount: 7, Flags: 0x45, AAGUID: "0123456789abcdef", Name: "Ann's laptop",
		},
	},
	&command.PutRecovery{Setup: command.Setup{Link: hash(24)}, Email: "root@acme.example", Handle: "handle-1", Hashes: []directory.Hash{hash(15), hash(16)}},
	&command.OpenLocalSession{
		ID: "session-3", Hash: hash(17), Email: "root@acme.example", User: "root-1", Challenge: hash(18),
		ChallengeExpiry: start + 300_000_000, Recovery: hash(15), Passkey: "raw\x00id", SignCount: 8, Lifetime: 3600_000_000,
		SessionDetails: command.SessionDetails{Methods: []string{"hwk"}, Agent: "Safari on iOS", Address: "2001:db8::7"},
	},
	&command.DeletePasskey{Email: "root@acme.example", ID: "raw\x00id"},
	&command.DeleteCredentials{Email: "root@acme.example"},
	&command.CountAttempt{
		Counts: []command.AttemptCount{{Key: hash(19), Limit: 5}, {Key: hash(20), Limit: 20}}, Expires: start + 900_000_000,
	},
	&command.CountAttempt{Counts: []command.AttemptCount{{Key: hash(22), Limit: 5}}, Expires: start + 900_000_000, Void: true},
	&command.RemindSecret{Connection: "connection-1", Stage: 2},
	&command.RecordRefusals{Rows: []directory.SignIn{
		{
			At: start - 1_000_000, Way: directory.WayProvider, Reason: "not_provisioned", Reference: "4F2A9C01", More: 300,
			Connection: "connection-1", User: "user-1", Agent: "Firefox on Linux", Address: "192.0.2.7",
		},
		{At: start, Way: directory.WayLocal, Reason: "code_wrong", Email: "root@acme.example"},
	}},
	&command.EndSessions{
		ID: "session-2", User: "user-1", Connection: "connection-1", Subject: "subject-1", ProviderSID: "sid-1",
		Cause: "back-channel logout", Once: hash(21), OnceExpiry: start + 120_000_000,
	},
	&command.EndSessions{All: true, Cause: "owner"},
	&command.DeleteLink{Connection: "connection-1", Issuer: "https://idp.example", Subject: "subject-1"},
	&command.OfferAlgorithm{Connection: "connection-1", Algorithm: "ES256"},
	&command.PinAlgorithm{Connection: "connection-1", Algorithm: "ES256"},
	&command.FinishErrands{IDs: []directory.ErrandID{{Seq: 11}, {Seq: 19}, {Seq: 19, Ordinal: 300}}},
}

package fsm

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
)

// entry is what a command puts into the audit log; without an event it puts nothing there.
type entry struct{ event, subject, detail string }

// auditFunc tells about a command that was applied and changed something.
type auditFunc func(tx *transaction, p command.Payload) entry

// audited has a row for each kind that the audit log tells of: what people do to an organization. What its IdP does, and
// who signs in, are in other logs.
var audited = map[command.Kind]auditFunc{
	command.KindCreateOrganization: told(func(_ *transaction, p *command.CreateOrganization) entry {
		return entry{"organization.created", p.Slug, p.Name}
	}),
	command.KindUpdateOrganization: plain("organization.changed", func(p *command.UpdateOrganization) string { return p.Slug }),
	command.KindCreateToken:        told(auditToken),
	command.KindRevokeToken:        plain("token.revoked", func(p *command.RevokeToken) string { return string(p.ID) }),
	command.KindCreateClient:       plain("client.created", func(p *command.CreateClient) string { return string(p.ID) }),
	command.KindDeleteClient:       plain("client.deleted", func(p *command.DeleteClient) string { return string(p.ID) }),
	command.KindPutSchema:          plain("schema.changed", func(p *command.PutSchema) string { return p.URN }),
	command.KindDeleteSchema:       plain("schema.deleted", func(p *command.DeleteSchema) string { return p.URN }),
	command.KindPutConnection:      plain("connection.changed", func(p *command.PutConnection) string { return string(p.ID) }),
	command.KindDeleteConnection:   plain("connection.deleted", func(p *command.DeleteConnection) string { return string(p.ID) }),
	command.KindPinAlgorithm:       plain(eventAlgorithm, func(p *command.PinAlgorithm) string { return string(p.Connection) }),
	command.KindOpenSession:        told(auditOpening),
	command.KindDeleteLink:         plain("link.deleted", func(p *command.DeleteLink) string { return string(p.Connection) }),
	command.KindPutRequest:         plain("request.changed", func(p *command.PutRequest) string { return string(p.ID) }),
	command.KindDeleteRequest:      plain("request.deleted", func(p *command.DeleteRequest) string { return string(p.ID) }),
	command.KindStepRequest: told(func(_ *transaction, p *command.StepRequest) entry {
		return entry{"request." + p.To.String(), string(p.ID), p.Note}
	}),
	command.KindPutDomain:    plain("domain.claimed", func(p *command.PutDomain) string { return p.Name }),
	command.KindDeleteDomain: plain("domain.deleted", func(p *command.DeleteDomain) string { return p.Name }),
	command.KindLookDomain: told(func(tx *transaction, p *command.LookDomain) entry {
		if len(tx.detail) == 0 {
			return entry{}
		}
		return entry{"domain." + tx.detail[len(tx.detail)-1], p.Name, ""}
	}),
	command.KindCreateUser: told(func(_ *transaction, p *command.CreateUser) entry {
		if p.Source != directory.SourceJIT {
			return entry{}
		}
		return entry{"user.created", string(p.ID), "at the first sign-in"}
	}),
	command.KindRestoreUser:       plain("user.restored", func(p *command.RestoreUser) string { return string(p.ID) }),
	command.KindEraseUser:         plain("user.erased", func(p *command.EraseUser) string { return string(p.ID) }),
	command.KindConvertUsers:      plain("users.converted", func(*command.ConvertUsers) string { return "" }),
	command.KindRenameUsers:       plain("users.renamed", func(*command.RenameUsers) string { return "" }),
	command.KindEndSessions:       told(auditSessions),
	command.KindPutPasskey:        plain("credentials.passkey_added", func(p *command.PutPasskey) string { return p.Email }),
	command.KindDeletePasskey:     plain("credentials.passkey_deleted", func(p *command.DeletePasskey) string { return p.Email }),
	command.KindPutSetupLink:      plain("credentials.link_made", func(p *command.PutSetupLink) string { return p.Email }),
	command.KindDeleteCredentials: plain("credentials.deleted", func(p *command.DeleteCredentials) string { return p.Email }),
	command.KindPutRecovery:       plain("credentials.recovery_changed", func(p *command.PutRecovery) string { return p.Email }),
	command.KindOpenLocalSession: told(func(tx *transaction, p *command.OpenLocalSession) entry {
		session, _ := tx.state.Session(p.Hash)
		if d, refusal := tx.directory(); refusal == nil && d.Organization().Stands(p.Email) == directory.StandingNone {
			return entry{} // somebody who was invited
		}
		return entry{"session." + session.Kind.String(), p.Email, string(p.ID)}
	}),
}

// eventAlgorithm tells that a connection keeps to another signing algorithm.
const eventAlgorithm = "connection.algorithm"

// auditOpening tells of a sign-in only what it changed for others.
func auditOpening(tx *transaction, p *command.OpenSession) entry {
	if len(tx.detail) == 0 {
		return entry{}
	}
	return entry{eventAlgorithm, string(p.Connection), strings.Join(tx.detail, ", ")}
}

// told makes an auditFunc of a function over one concrete payload.
func told[P command.Payload](tell func(*transaction, P) entry) auditFunc {
	return func(tx *transaction, p command.Payload) entry { return tell(tx, p.(P)) }
}

// plain makes an auditFunc of an event and what tells the subject; the detail is what the rule said.
func plain[P command.Payload](event string, subject func(P) string) auditFunc {
	return func(tx *transaction, p command.Payload) entry {
		return entry{event, subject(p.(P)), strings.Join(tx.detail, ", ")}
	}
}

// auditToken leaves out the tokens that OAuth clients get by the hour.
func auditToken(_ *transaction, p *command.CreateToken) entry {
	token := p.Tokens[0]
	if token.Kind != directory.TokenBearer {
		return entry{}
	}
	return entry{"token.created", string(token.ID), token.Name}
}

// auditSessions says whose sessions an owner ended, and why. People who sign out, here or at their provider, would leave no room
// for anything else.
func auditSessions(_ *transaction, p *command.EndSessions) entry {
	subject := "all"
	switch {
	case p.ID != "" && p.User != "", p.Subject != "", p.ProviderSID != "":
		return entry{}
	case p.ID != "":
		subject = string(p.ID)
	case p.User != "":
		subject = string(p.User)
	case p.Connection != "":
		subject = string(p.Connection)
	}
	return entry{"sessions.ended", subject, p.Cause}
}

// about notes what the audit log should say about the command.
func (tx *transaction) about(detail ...string) { tx.detail = append(tx.detail, detail...) }

// audit writes the row of a command that was applied and changed something, where there is an organization to write it to.
// Its texts are copied, so that the row does not keep the command's bytes alive.
func (tx *transaction) audit(p command.Payload) {
	tell, ok := audited[p.Kind()]
	if !ok || tx.state.Level() < command.SecondLevel {
		return
	}
	d, refusal := tx.directory()
	told := tell(tx, p)
	if refusal != nil || told.event == "" {
		return
	}
	d.AppendAudit(directory.AuditRow{
		Seq: tx.seq, At: tx.now, Actor: tx.actor, Event: told.event, Subject: told.subject, Detail: told.detail,
	}.Fit())
}

// changes are fields and whether they changed.
type changes []struct {
	field   string
	changed bool
}

// names gives those that changed.
func (c changes) names() []string {
	var names []string
	for _, change := range c {
		if change.changed {
			names = append(names, change.field)
		}
	}
	return names
}

package fsm

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
)

func (m *model) putSettings(p *command.PutSettings) command.Result {
	old := m.settings
	deny(p.ExpectVersion != 0 && p.ExpectVersion != old.Version, directory.KindStale)
	named := slices.ContainsFunc(p.Plans, func(plan directory.Plan) bool { return plan.Name == p.DefaultPlan })
	deny(p.DefaultPlan != "" && !named || p.NewSCIM > directory.SCIMActive, directory.KindInvalid)
	next := directory.Settings{
		Plans: p.Plans, DefaultPlan: p.DefaultPlan, NewSCIM: p.NewSCIM, SCIMWithoutSignIn: p.SCIMWithoutSignIn,
		RequestRate: p.RequestRate, Modified: old.Modified, Version: old.Version,
	}
	if reflect.DeepEqual(next, old) {
		return command.Result{Version: old.Version, Modified: old.Modified}
	}
	next.Modified, next.Version = m.at, m.seq
	m.settings = next
	return command.Result{Version: m.seq, Changed: true, Modified: m.at}
}

func (m *model) client(id directory.OrganizationID, o *modelOrg, payload command.Payload) command.Result {
	if p, ok := payload.(*command.DeleteClient); ok {
		client, ok := o.clients[p.ID]
		deny(!ok, directory.KindNotFound)
		delete(o.clients, p.ID)
		maps.DeleteFunc(o.tokens, func(_ directory.TokenID, t directory.Token) bool { return t.Client == p.ID })
		return m.done(client.Created)
	}
	p := payload.(*command.CreateClient)
	for _, org := range m.orgs {
		_, taken := org.clients[p.ID]
		deny(taken, directory.KindConflict)
	}
	o.clients[p.ID] = directory.Client{
		ID: p.ID, Organization: id, Name: p.Name, SecretHash: p.SecretHash, RedirectURIs: p.RedirectURIs,
		Created: m.at, Version: m.seq,
	}
	return m.done(m.at)
}

func (m *model) createToken(id directory.OrganizationID, o *modelOrg, p *command.CreateToken) command.Result {
	var kinds []directory.TokenKind
	for _, t := range p.Tokens {
		deny(t.Kind > directory.TokenRefresh || t.Client != p.Tokens[0].Client, directory.KindInvalid)
		kinds = append(kinds, t.Kind)
	}
	deny(len(kinds) != 1 && !slices.Equal(kinds, []directory.TokenKind{1, 2}), directory.KindInvalid)
	for i, t := range p.Tokens {
		_, taken := o.tokens[t.ID]
		for _, org := range m.orgs {
			for _, other := range org.tokens {
				taken = taken || other.Hash == t.Hash
			}
		}
		taken = taken || i == 1 && (t.ID == p.Tokens[0].ID || t.Hash == p.Tokens[0].Hash)
		deny(taken, directory.KindConflict)
		_, client := o.clients[t.Client]
		deny(t.Kind != directory.TokenBearer && !client, directory.KindNotFound)
		deny(t.Kind == directory.TokenBearer && t.Client != "", directory.KindInvalid)
	}
	if p.Consume != (directory.Hash{}) {
		_, used := m.transactions[p.Consume]
		deny(used, directory.KindReplayed)
		deny(p.ConsumeExpiry < m.at, directory.KindUnauthenticated)
		m.transactions[p.Consume] = p.ConsumeExpiry
	}
	for _, t := range p.Tokens {
		o.makeRoom(&t)
		o.tokens[t.ID] = directory.Token{
			ID: t.ID, Organization: id, Hash: t.Hash, Kind: t.Kind, Client: t.Client, Name: t.Name, Hint: t.Hint,
			Created: m.at, Expires: t.Expires,
		}
	}
	return m.done(m.at)
}

// makeRoom removes what a new token takes the place of.
func (o *modelOrg) makeRoom(next *command.NewToken) {
	if next.Kind == directory.TokenBearer {
		if o.record.SingleToken {
			maps.DeleteFunc(o.tokens, func(_ directory.TokenID, t directory.Token) bool { return t.Kind == directory.TokenBearer })
		}
		return
	}
	var held []directory.Token
	for _, t := range o.tokens {
		if t.Kind == next.Kind && t.Client == next.Client {
			held = append(held, t)
		}
	}
	slices.SortFunc(held, func(a, b directory.Token) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
	})
	if len(held) >= directory.MaxClientTokens {
		delete(o.tokens, held[0].ID)
	}
}

func (m *model) touch(p *command.TouchTokens) command.Result {
	var result command.Result
	for _, use := range p.Uses {
		o := m.orgs[use.Organization]
		if o == nil {
			continue
		}
		token, ok := o.tokens[use.ID]
		if at := min(use.At, m.at); ok && at > token.LastUsed {
			token.LastUsed, token.LastIP = at, use.IP
			o.tokens[use.ID] = token
			result.Changed = true
		}
	}
	return result
}

func (m *model) schema(o *modelOrg, payload command.Payload) command.Result {
	if p, ok := payload.(*command.DeleteSchema); ok {
		schema, ok := o.schemas[p.URN]
		deny(!ok, directory.KindNotFound)
		for _, u := range o.users {
			deny(schema.Resource == "User" && strings.Contains(u.Attributes, `"`+p.URN+`":{`), directory.KindConflict)
		}
		for _, g := range o.groups {
			deny(schema.Resource == "Group" && strings.Contains(g.Attributes, `"`+p.URN+`":{`), directory.KindConflict)
		}
		delete(o.schemas, p.URN)
		o.schemasVersion = m.seq
		return m.done(schema.Created)
	}
	p := payload.(*command.PutSchema)
	deny(!strings.HasPrefix(strings.ToLower(p.URN), "urn:") || p.Resource != "User" && p.Resource != "Group", directory.KindInvalid)
	old, had := o.schemas[p.URN]
	deny(p.ExpectVersion != 0 && !had, directory.KindNotFound)
	for urn := range o.schemas {
		deny(urn != p.URN && strings.EqualFold(urn, p.URN), directory.KindConflict)
	}
	deny(p.ExpectVersion != 0 && p.ExpectVersion != old.Version, directory.KindStale)
	deny(had && old.Resource != p.Resource, directory.KindConflict)
	if had && old.Document == p.Document {
		return command.Result{Version: old.Version, Created: old.Created, Modified: old.Modified}
	}
	if !had {
		old.Created = m.at
	}
	o.schemas[p.URN] = directory.Schema{
		URN: p.URN, Resource: p.Resource, Document: p.Document, Created: old.Created, Modified: m.at, Version: m.seq,
	}
	o.schemasVersion = m.seq
	return m.done(old.Created)
}

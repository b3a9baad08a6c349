package fsm

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

func putConnection(tx *transaction, p *command.PutConnection) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	old, refusal := connectionBefore(tx, p.ID)
	if refusal != nil {
		return command.Result{}, refusal
	}
	version := uint64(0)
	if old != nil {
		version = old.Version
	} else if p.ExpectVersion != 0 {
		return command.Result{}, noConnection(p.ID)
	}
	if refusal := stale(p.ExpectVersion, version); refusal != nil {
		return command.Result{}, refusal
	}
	next := &directory.Connection{
		ID: p.ID, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret, ConnectionSettings: p.ConnectionSettings,
		Enabled: p.Enabled, SecretExpires: p.SecretExpires, PreviousSecret: p.PreviousSecret, Domains: p.Domains,
	}
	if refusal := registrationFree(tx, d, next); refusal != nil {
		return command.Result{}, refusal
	}
	tx.tellOwner(p.ID, connectionChanges(old, next)...)
	writeConnection(tx, d, old, next)
	return tx.changed(next.Created), nil
}

// tellOwner lets an organization's owner know what was done to a connection without a request.
func (tx *transaction) tellOwner(id directory.ConnectionID, changes ...string) {
	if len(changes) > 0 && tx.state.Level() >= command.SecondLevel {
		tx.errand(directory.Errand{Kind: directory.ErrandConnection, Subject: string(id), Detail: strings.Join(changes, ", ")})
	}
}

// connectionBefore finds the organization's connection of an id; nil where the id is free. It refuses another
// organization's.
func connectionBefore(tx *transaction, id directory.ConnectionID) (*directory.Connection, *directory.Error) {
	old, ok := tx.state.Connection(id)
	if ok && old.Organization != tx.organization {
		return nil, directory.Errorf(directory.KindConflict, "id", "connection %s exists", id)
	}
	return old, nil
}

// registrationFree checks that no other connection of the region has the issuer and client id, and no other enabled one of the
// organization the domains.
func registrationFree(tx *transaction, d *state.Directory, next *directory.Connection) *directory.Error {
	if holder, taken := tx.state.ConnectionByClient(next.Issuer, next.ClientID); taken && holder.ID != next.ID {
		return directory.Errorf(directory.KindConflict, "client_id",
			"another connection of this region uses this client id at this issuer")
	}
	return domainsFree(d, next)
}

// domainsFree checks that each domain of a connection that is on leads to that one only.
func domainsFree(d *state.Directory, next *directory.Connection) *directory.Error {
	if refusal := asRefusal(directory.ValidateDomains(next.Domains)); refusal != nil || !next.Enabled {
		return refusal
	}
	for _, domain := range next.Domains {
		if other, taken := d.ConnectionNaming(domain); taken && other.ID != next.ID {
			return directory.Errorf(directory.KindConflict, "domains", "domain %q leads to connection %s already", domain, other.ID)
		}
	}
	return nil
}

// writeConnection puts a connection in the place of old, nil for none, and ends what the change makes void.
func writeConnection(tx *transaction, d *state.Directory, old, next *directory.Connection) {
	next.Organization, next.Created, next.Modified, next.Version = tx.organization, tx.now, tx.now, tx.seq
	if old != nil {
		next.Created = old.Created
		if next.SecretExpires == old.SecretExpires {
			next.Reminded = old.Reminded
		}
		next.Algorithm, next.AlgorithmOffered = "", ""
		if old.SameClient(next) {
			next.Algorithm, next.AlgorithmOffered = old.Algorithm, old.AlgorithmOffered
		}
		retire(tx, d, old, next)
	}
	tx.about(connectionChanges(old, next)...)
	tx.state.PutConnection(d, next)
}

// retire ends what a change of a connection makes void: the sessions that came through it, when it is turned off or speaks
// with another provider or as another client; in the latter case also its links, because subjects mean nothing elsewhere.
func retire(tx *transaction, d *state.Directory, old, next *directory.Connection) {
	elsewhere := !old.SameClient(next)
	if elsewhere {
		d.DeleteLinksThrough(old.ID)
	}
	if elsewhere || !next.Enabled {
		tx.state.DeleteSessionsThrough(d, old.ID)
	}
}

// connectionChanges names what differs, for the audit log.
func connectionChanges(old, next *directory.Connection) []string {
	if old == nil {
		return append([]string{"created"}, changes{{"shared_callback_trusted", next.SharedUnnamed()}}.names()...)
	}
	return changes{
		{"issuer", old.Issuer != next.Issuer},
		{"client_id", old.ClientID != next.ClientID},
		{"client_secret", !bytes.Equal(old.ClientSecret, next.ClientSecret)},
		{"secret_expires", old.SecretExpires != next.SecretExpires},
		{"auth_method", old.AuthMethod != next.AuthMethod},
		{"scopes", !slices.Equal(old.Scopes, next.Scopes)},
		{"response_mode", old.ResponseMode != next.ResponseMode},
		{"prompt", old.Prompt != next.Prompt},
		{"max_age", old.MaxAge != next.MaxAge},
		{"acr_values", !slices.Equal(old.ACRValues, next.ACRValues)},
		{"shared_redirect", old.SharedRedirect != next.SharedRedirect},
		{"shared_callback_trusted", next.SharedUnnamed() && !(old.SharedUnnamed() && old.Issuer == next.Issuer)},
		{"just_in_time", old.JustInTime != next.JustInTime},
		{"domains", !slices.Equal(old.Domains, next.Domains)},
		{"enabled", !old.Enabled && next.Enabled},
		{"disabled", old.Enabled && !next.Enabled},
	}.names()
}

// pin has a connection keep to the signing algorithm of a sign-in that ended well. It notes a change for the audit log; the
// owner is told of one that nobody here asked for.
func pin(tx *transaction, d *state.Directory, connection *directory.Connection, algorithm string) {
	if algorithm == "" || algorithm == connection.Algorithm || tx.state.Level() < command.SecondLevel {
		return
	}
	if connection.Algorithm != "" {
		tx.tellOwner(connection.ID, directory.DetailAlgorithmMoved)
	}
	writeAlgorithm(tx, d, connection, directory.Cut(algorithm, directory.MaxAlgorithm))
}

// writeAlgorithm gives a connection another signing algorithm, and another version: whoever signs in meanwhile is judged anew.
func writeAlgorithm(tx *transaction, d *state.Directory, connection *directory.Connection, algorithm string) {
	tx.about(cmp.Or(algorithm, "none"))
	if connection.Algorithm != "" && connection.Algorithm != algorithm {
		tx.about("before " + connection.Algorithm)
	}
	next := *connection
	next.Algorithm, next.AlgorithmOffered = strings.Clone(algorithm), ""
	next.Modified, next.Version = tx.now, tx.seq
	tx.state.PutConnection(d, &next)
}

// offerAlgorithm leaves the connection's version as it is, because it changes nothing for those who sign in.
func offerAlgorithm(tx *transaction, p *command.OfferAlgorithm) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	connection, ok := d.Connection(p.Connection)
	if !ok {
		return command.Result{}, noConnection(p.Connection)
	}
	if p.Algorithm == "" || len(p.Algorithm) > directory.MaxAlgorithm {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "algorithm",
			"an algorithm has 1 to %d characters", directory.MaxAlgorithm)
	}
	result := command.Result{Version: connection.Version, Created: connection.Created, Modified: connection.Modified}
	if connection.Algorithm == "" || p.Algorithm == connection.Algorithm || p.Algorithm == connection.AlgorithmOffered {
		return result, nil
	}
	next := *connection
	next.AlgorithmOffered = p.Algorithm
	tx.state.PutConnection(d, &next)
	if connection.AlgorithmOffered == "" { // a provider that alternates would have a mail written each time
		tx.tellOwner(connection.ID, directory.DetailAlgorithmOffered)
	}
	result.Changed = true
	return result, nil
}

func pinAlgorithm(tx *transaction, p *command.PinAlgorithm) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	connection, ok := d.Connection(p.Connection)
	if !ok {
		return command.Result{}, noConnection(p.Connection)
	}
	if p.Algorithm != "" && p.Algorithm != connection.Algorithm && p.Algorithm != connection.AlgorithmOffered {
		return command.Result{}, directory.Errorf(directory.KindConflict, "algorithm",
			"the provider has not offered %s", directory.Cut(p.Algorithm, directory.MaxAlgorithm))
	}
	if p.Algorithm == connection.Algorithm && connection.AlgorithmOffered == "" {
		return command.Result{Version: connection.Version, Created: connection.Created, Modified: connection.Modified}, nil
	}
	if p.Algorithm != connection.Algorithm {
		tx.tellOwner(connection.ID, "algorithm")
	}
	writeAlgorithm(tx, d, connection, p.Algorithm)
	return tx.changed(connection.Created), nil
}

func deleteConnection(tx *transaction, p *command.DeleteConnection) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	connection, ok := d.Connection(p.ID)
	if !ok {
		return command.Result{}, noConnection(p.ID)
	}
	supersede(tx, d, p.ID)
	tx.tellOwner(p.ID, "deleted")
	tx.state.DeleteConnection(d, connection)
	return tx.changed(connection.Created), nil
}

func noConnection(id directory.ConnectionID) *directory.Error {
	return directory.Errorf(directory.KindNotFound, "", "there is no connection %q", id)
}

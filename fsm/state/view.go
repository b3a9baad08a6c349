package state

import (
	"iter"
	"sync"

	"domicile/directory"
)

// Identity names the one region and cluster that a ledger belongs to.
type Identity struct {
	Region  string
	Cluster string
}

// View is one published moment of the ledger. It never changes and may be kept for as long as it is useful; it is safe for
// any number of readers.
type View struct {
	tables
	copying sync.Mutex // held by whoever forks the view
}

// tables are the trees that span organizations, and the organizations themselves.
type tables struct {
	identity Identity
	seq      uint64
	at       directory.Time
	level    uint64
	settings *directory.Settings // never nil

	directories  tree[directoryRow]               // by organization id
	slugs        tree[slugRow]                    // by slug
	domains      tree[domainRow]                  // by domain
	tokens       tree[hashRow[directory.Token]]   // by hash
	tokensEnd    tree[*directory.Token]           // of those that expire, by (expires, hash)
	oauthClients tree[*directory.Client]          // by id
	connections  tree[*directory.Connection]      // by id
	clients      tree[*directory.Connection]      // by (issuer, client id)
	sessions     tree[hashRow[directory.Session]] // by hash
	sessionsID   tree[*directory.Session]         // by (id, hash)
	sessionsEnd  tree[*directory.Session]         // by (end, hash)
	transactions tree[transactionRow]             // by hash
	transEnd     tree[transactionRow]             // by (expires, hash)
	stagedEnd    tree[*directory.StagedChange]    // by (expires, organization, id)
	deletedEnd   tree[*directory.DeletedUser]     // of those that expire, by (expires, organization, seq)
	providers    tree[*directory.Provider]        // by issuer
	signingKeys  tree[*directory.SigningKey]      // by (use, created)
	applications tree[*directory.Application]     // by id
	attempts     tree[*directory.Attempt]         // by key
	attemptsEnd  tree[*directory.Attempt]         // by (expires, key)
	errands      tree[*directory.Errand]          // by (seq, ordinal)

	credentialsHandle tree[*directory.Credentials]         // by handle
	passkeys          tree[passkeyRow]                     // by raw id
	recovery          tree[hashRow[directory.Credentials]] // by hash of a recovery code

	requests requestLog
}

// Rows that are searched at every request carry their key, so that a search needs no record to compare with.
type directoryRow struct {
	id        directory.OrganizationID
	directory *Directory
}

type hashRow[T any] struct {
	hash   directory.Hash
	record *T
}

func lessHash[T any](a, b hashRow[T]) bool { return less(a.hash, b.hash) }

type slugRow struct {
	slug         string
	organization directory.OrganizationID
}

type domainRow struct {
	domain       string
	organization directory.OrganizationID
}

type transactionRow struct {
	hash    directory.Hash
	expires directory.Time
}

func newTables(identity Identity) tables {
	return tables{
		identity:     identity,
		level:        1,
		settings:     new(directory.Settings),
		directories:  newTree(func(a, b directoryRow) bool { return a.id < b.id }),
		slugs:        newTree(func(a, b slugRow) bool { return a.slug < b.slug }),
		domains:      newTree(func(a, b domainRow) bool { return a.domain < b.domain }),
		tokens:       newTree(lessHash[directory.Token]),
		tokensEnd:    newTree(lessTokenEnd),
		oauthClients: newTree(lessClient),
		connections:  newTree(func(a, b *directory.Connection) bool { return a.ID < b.ID }),
		clients: newTree(func(a, b *directory.Connection) bool {
			return a.Issuer < b.Issuer || a.Issuer == b.Issuer && a.ClientID < b.ClientID
		}),
		sessions:     newTree(lessHash[directory.Session]),
		sessionsID:   newTree(lessSessionID),
		sessionsEnd:  newTree(lessSessionEnd),
		transactions: newTree(func(a, b transactionRow) bool { return less(a.hash, b.hash) }),
		transEnd: newTree(func(a, b transactionRow) bool {
			return a.expires < b.expires || a.expires == b.expires && less(a.hash, b.hash)
		}),
		stagedEnd:  newTree(lessStagedEnd),
		deletedEnd: newTree(lessDeletedEnd),

		attempts:          newTree(lessAttempt),
		attemptsEnd:       newTree(lessAttemptEnd),
		errands:           newTree(lessErrand),
		credentialsHandle: newTree(lessHandle),
		passkeys:          newTree(func(a, b passkeyRow) bool { return a.id < b.id }),
		recovery:          newTree(lessHash[directory.Credentials]),

		providers:    newTree(lessProvider),
		signingKeys:  newTree(lessSigningKey),
		applications: newTree(lessApplication),
	}
}

// copy gives tables that no later write to t can change, and the other way round.
func (t *tables) copy() tables {
	c := *t
	c.directories = t.directories.copy()
	c.slugs = t.slugs.copy()
	c.domains = t.domains.copy()
	c.tokens = t.tokens.copy()
	c.tokensEnd = t.tokensEnd.copy()
	c.oauthClients = t.oauthClients.copy()
	c.connections = t.connections.copy()
	c.clients = t.clients.copy()
	c.sessions = t.sessions.copy()
	c.sessionsID = t.sessionsID.copy()
	c.sessionsEnd = t.sessionsEnd.copy()
	c.transactions = t.transactions.copy()
	c.transEnd = t.transEnd.copy()
	c.stagedEnd = t.stagedEnd.copy()
	c.deletedEnd = t.deletedEnd.copy()
	c.providers = t.providers.copy()
	c.signingKeys = t.signingKeys.copy()
	c.applications = t.applications.copy()
	c.attempts = t.attempts.copy()
	c.attemptsEnd = t.attemptsEnd.copy()
	c.errands = t.errands.copy()
	c.credentialsHandle = t.credentialsHandle.copy()
	c.passkeys = t.passkeys.copy()
	c.recovery = t.recovery.copy()
	c.requests = t.requests.freeze()
	return c
}

// Identity gives the region and cluster of the ledger.
func (t *tables) Identity() Identity { return t.identity }

// Seq is the seq of the newest command in the view.
func (t *tables) Seq() uint64 { return t.seq }

// At is the newest stamp of the leader in the view.
func (t *tables) At() directory.Time { return t.at }

// Level is the behaviour level in force.
func (t *tables) Level() uint64 { return t.level }

// Directory gives the data of an organization.
func (t *tables) Directory(id directory.OrganizationID) (*Directory, bool) {
	row, ok := t.directories.Get(directoryRow{id: id})
	return row.directory, ok
}

// DirectoryBySlug finds an organization by its slug.
func (t *tables) DirectoryBySlug(slug string) (*Directory, bool) {
	row, ok := t.slugs.Get(slugRow{slug: slug})
	if !ok {
		return nil, false
	}
	return t.Directory(row.organization)
}

// DirectoryByDomain finds the organization that a (folded) e-mail domain belongs to.
func (t *tables) DirectoryByDomain(domain string) (*Directory, bool) {
	row, ok := t.domains.Get(domainRow{domain: domain})
	if !ok {
		return nil, false
	}
	return t.Directory(row.organization)
}

// Directories iterates over the organizations by id.
func (t *tables) Directories() iter.Seq[*Directory] {
	return func(yield func(*Directory) bool) {
		for row := range t.directories.all() {
			if !yield(row.directory) {
				return
			}
		}
	}
}

// Organizations counts the organizations.
func (t *tables) Organizations() int { return t.directories.Len() }

// Connection finds a connection of any organization.
func (t *tables) Connection(id directory.ConnectionID) (*directory.Connection, bool) {
	return t.connections.Get(&directory.Connection{ID: id})
}

// ConnectionByClient finds the connection that holds an (issuer, client id) pair.
func (t *tables) ConnectionByClient(issuer, clientID string) (*directory.Connection, bool) {
	return t.clients.Get(&directory.Connection{Issuer: issuer, ClientID: clientID})
}

// TransactionUsed tells whether a login transaction was consumed.
func (t *tables) TransactionUsed(hash directory.Hash) bool {
	_, ok := t.transactions.Get(transactionRow{hash: hash})
	return ok
}

func less(a, b directory.Hash) bool { return string(a[:]) < string(b[:]) }

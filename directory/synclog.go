package directory

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of an organization's sync log. Over MaxSyncText the oldest rows lose their texts (SyncRow.Bare) and stay.
const (
	MaxSyncRows     = 1000
	MaxSyncText     = 256 << 10 // bytes of Document and Operations of all rows
	MaxSyncDocument = 8 << 10   // bytes of a Document that a door sends
	MaxSyncBatch    = 200       // rows in one command
	SyncLogLife     = 30 * day
)

const day = Time(24 * 3600 * 1_000_000)

// Bounds of a row's texts in bytes, and of its lists.
const (
	maxSyncID         = 128
	maxSyncName       = 200
	maxSyncWord       = 64
	maxSyncClient     = 80
	maxSyncDetail     = 500
	maxSyncOperations = 2 << 10
	maxSyncChanges    = 30
	maxSyncCourtesies = 20
)

// SyncMethod says what was done: an HTTP method, or a tool of the owner. Numbers are append-only.
type SyncMethod uint8

// The methods.
const (
	SyncGet     SyncMethod = 1
	SyncPost    SyncMethod = 2
	SyncPut     SyncMethod = 3
	SyncPatch   SyncMethod = 4
	SyncDelete  SyncMethod = 5
	SyncConvert SyncMethod = 6
	SyncRename  SyncMethod = 7
	SyncRestore SyncMethod = 8
	SyncErase   SyncMethod = 9
)

var syncMethodNames = [...]string{
	SyncGet: "GET", SyncPost: "POST", SyncPut: "PUT", SyncPatch: "PATCH", SyncDelete: "DELETE",
	SyncConvert: "convert", SyncRename: "rename", SyncRestore: "restore", SyncErase: "erase",
}

// String names the method as the API does; an unknown one is empty.
func (m SyncMethod) String() string {
	if int(m) < len(syncMethodNames) {
		return syncMethodNames[m]
	}
	return ""
}

// ParseSyncMethod reads what String gives; ok is false for any other text.
func ParseSyncMethod(name string) (m SyncMethod, ok bool) {
	i := slices.Index(syncMethodNames[:], name)
	if i <= 0 {
		return 0, false
	}
	return SyncMethod(i), true
}

// SyncNote is what a door tells about a request, so that the ledger can write the sync log row of what came of it.
type SyncNote struct {
	Method     SyncMethod
	Request    string   // the request id, at most 64 bytes
	Client     string   // the product of the User-Agent, at most 80 bytes
	Operations string   // a PATCH as it was understood, canonical text of at most 2 KiB
	Changes    []string // names of attributes that changed, at most 30
	Courtesies []string // tolerances that were used, at most 20
}

// SyncRow is one line of an organization's sync log: a write or a failure of the connection to its IdP, or a use of an
// owner's tool. Rows are immutable and ordered by (Seq, Ordinal).
type SyncRow struct {
	Seq      uint64
	Ordinal  uint32
	At       Time
	Actor    string
	Resource string // "User", "Group" or empty
	ID       ResourceID
	Name     string // userName or displayName
	Status   int    // of the answer; 0 for what the ledger itself accepted
	Changed  bool   // false for a write that changed nothing
	Detail   string // the text of a failure, at most 500 bytes
	ScimType string // of a failure (RFC 7644 §3.12)
	SyncNote
	// Document is the resource as it was stored, or the redacted body of a request that failed.
	Document string
}

// Failed tells whether the row is a failure.
func (r *SyncRow) Failed() bool { return r.Status >= 400 }

// Text counts the bytes that MaxSyncText bounds.
func (r *SyncRow) Text() int { return len(r.Document) + len(r.Operations) }

// Fit gives the row with every text and list within its bound: texts are cut, a Document over MaxSyncDocument is left out.
func (r SyncRow) Fit() SyncRow {
	r.ID = ResourceID(Cut(string(r.ID), maxSyncID))
	r.Name = Cut(r.Name, maxSyncName)
	r.Actor = Cut(r.Actor, maxSyncName)
	r.Resource = Cut(r.Resource, maxSyncWord)
	r.Detail = Cut(r.Detail, maxSyncDetail)
	r.ScimType = Cut(r.ScimType, maxSyncWord)
	r.SyncNote = r.SyncNote.Fit()
	if len(r.Document) > MaxSyncDocument {
		r.Document = ""
	}
	return r
}

// Fit gives the note with every text and list within its bound.
func (n SyncNote) Fit() SyncNote {
	n.Request = Cut(n.Request, maxSyncWord)
	n.Client = Cut(n.Client, maxSyncClient)
	n.Operations = Cut(n.Operations, maxSyncOperations)
	n.Changes = cutList(n.Changes, maxSyncChanges)
	n.Courtesies = cutList(n.Courtesies, maxSyncCourtesies)
	return n
}

// Cut gives at most n bytes of s, at the end of a character and with a mark where something is missing.
func Cut(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

func cutList(list []string, n int) []string {
	list = list[:min(len(list), n)]
	if !slices.ContainsFunc(list, func(s string) bool { return len(s) > maxSyncName }) {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		list[i] = Cut(list[i], maxSyncName)
	}
	return list
}

// Bare gives the row without Document and Operations. It shares no memory with them, so that they can go.
func (r SyncRow) Bare() SyncRow {
	r.Document, r.Operations = "", ""
	return r.Own()
}

// Own gives the row with texts of its own, so that it keeps nothing else alive.
func (r SyncRow) Own() SyncRow {
	for _, text := range []*string{
		&r.Actor, &r.Resource, (*string)(&r.ID), &r.Name, &r.Detail, &r.ScimType, &r.Request, &r.Client, &r.Operations, &r.Document,
	} {
		*text = strings.Clone(*text)
	}
	r.Changes, r.Courtesies = ownTexts(r.Changes), ownTexts(r.Courtesies)
	return r
}

func ownTexts(list []string) []string {
	list = slices.Clone(list)
	for i := range list {
		list[i] = strings.Clone(list[i])
	}
	return list
}

// SyncCounts tells about an organization's sync log as a whole.
type SyncCounts struct {
	Rows        int
	Failures    uint64 // since the beginning; never goes down
	LastFailure Time
	Notified    uint64 // Failures when the owners were last told of them
	NotifiedAt  Time
}

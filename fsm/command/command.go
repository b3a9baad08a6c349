package command

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"domicile/directory"
	"domicile/fsm/wire"
)

// Kind numbers a kind of command in the log. Numbers are append-only and never reused.
type Kind uint16

// The kinds, in the order they were released.
const (
	KindRaiseLevel         Kind = 1
	KindCreateOrganization Kind = 2
	KindUpdateOrganization Kind = 3
	KindDeleteOrganization Kind = 4
	KindCreateToken        Kind = 5
	KindRevokeToken        Kind = 6
	KindPutConnection      Kind = 7
	KindDeleteConnection   Kind = 8
	KindCreateUser         Kind = 9
	KindReplaceUser        Kind = 10
	KindDeleteUser         Kind = 11
	KindCreateGroup        Kind = 12
	KindUpdateGroup        Kind = 13
	KindDeleteGroup        Kind = 14
	KindOpenSession        Kind = 15
	KindCloseSession       Kind = 16
	KindPutSettings        Kind = 17
	KindCreateClient       Kind = 18
	KindDeleteClient       Kind = 19
	KindTouchTokens        Kind = 20
	KindPutSchema          Kind = 21
	KindDeleteSchema       Kind = 22
	KindStageMembers       Kind = 23
	KindAppendSyncLog      Kind = 24
	KindMarkNotified       Kind = 25
	KindRestoreUser        Kind = 26
	KindEraseUser          Kind = 27
	KindConvertUsers       Kind = 28
	KindRenameUsers        Kind = 29
	KindPutRequest         Kind = 30
	KindStepRequest        Kind = 31
	KindDeleteRequest      Kind = 32
	KindPutDomain          Kind = 33
	KindLookDomain         Kind = 34
	KindDeleteDomain       Kind = 35
	KindEndSessions        Kind = 36
	KindTouchSessions      Kind = 37
	KindCountAttempt       Kind = 38
	KindPutPasskey         Kind = 39
	KindDeletePasskey      Kind = 40
	KindPutRecovery        Kind = 41
	KindOpenLocalSession   Kind = 42
	KindDeleteLink         Kind = 43
	KindPutProvider        Kind = 44
	KindPutSigningKey      Kind = 45
	KindPutApplication     Kind = 46
	KindDeleteApplication  Kind = 47
	KindJoinSession        Kind = 48
	KindFinishErrands      Kind = 49
	KindRemindSecret       Kind = 50
	KindDeleteCredentials  Kind = 51
	KindPutSetupLink       Kind = 52
	KindRecordRefusals     Kind = 53
	KindOfferAlgorithm     Kind = 54
	KindPinAlgorithm       Kind = 55
)

// RequestID makes a command apply at most once: 128 random bits stamped by the node that received the request.
type RequestID [16]byte

// Payload is what a kind carries. The set is closed: each implementation is a row of the table in this package.
type Payload interface {
	Kind() Kind
	encode(w *wire.Writer)
	decode(r *wire.Reader)
}

// Command is one change on its way into the log.
type Command struct {
	// RequestID and Deadline are stamped by the node that received the request, where the door left them zero. A command
	// that reaches the ledger after its deadline is refused (KindExpired), so that a retry is safe for as long as results
	// are remembered.
	RequestID    RequestID
	Deadline     directory.Time
	Organization directory.OrganizationID // whose data it touches; empty for the region's own
	Actor        string                   // who asked, as an id ("token:…", "user:…", "operator"); never a name or an address
	// Note makes the ledger write a row of the organization's sync log when the command is applied without refusal, even
	// if it changed nothing. nil: no row.
	Note    *directory.SyncNote
	Payload Payload
}

// Proposer puts a command through the log.
type Proposer interface {
	// Propose returns the command's result once it is committed, on whichever node the leader is. The error is an
	// *directory.Error: what the ledger decided (not found, conflict, stale, …), or KindUnavailable when no leader could
	// be reached within the bound; then the command may still commit later, and the same RequestID may be proposed again.
	Propose(ctx context.Context, c Command) (Result, error)
}

// Encode gives the bytes of one command, as they are forwarded and batched into an Entry.
func (c *Command) Encode() []byte {
	encoded, _ := c.EncodeWithLevel()
	return encoded
}

// EncodeWithLevel is Encode with the level that the ledger must have before the command may enter the log: members of an
// older release could not apply it.
func (c *Command) EncodeWithLevel() (encoded []byte, level uint64) {
	w := wire.NewWriter(make([]byte, 0, 256))
	w.Uint(uint64(c.Payload.Kind()))
	w.Fixed(c.RequestID[:])
	w.Int(int64(c.Deadline))
	w.Text(string(c.Organization))
	w.Text(c.Actor)
	writeNote(w, c.Note)
	c.Payload.encode(w)
	level = firstLevel
	if c.Payload.Kind() >= KindPutRequest || w.HasLater() || isJustInTime(c.Payload) {
		level = SecondLevel
	}
	return w.Bytes(), level
}

func isJustInTime(p Payload) bool {
	create, ok := p.(*CreateUser)
	return ok && create.Source == directory.SourceJIT
}

// ErrUnknownKind is a kind that this binary does not know: the node must stop, never skip.
type ErrUnknownKind struct{ Kind Kind }

func (e ErrUnknownKind) Error() string {
	return fmt.Sprintf("command kind %d is unknown to this binary; run the release that wrote it", e.Kind)
}

// Decode reads what Encode wrote. The command keeps nothing of s alive: a record that comes of it shares the memory of
// its own payload only.
func Decode(s string) (Command, error) {
	r := wire.NewReader(s)
	kind := r.Uint()
	var c Command
	r.Fixed(c.RequestID[:])
	c.Deadline = directory.Time(r.Int())
	c.Organization = directory.OrganizationID(strings.Clone(r.Text()))
	c.Actor = strings.Clone(r.Text())
	note, err := readNote(r)
	if err = cmp.Or(r.Err(), err); err != nil {
		return Command{}, fmt.Errorf("command header: %w", err)
	}
	c.Note = note
	if kind >= uint64(len(table)) || table[kind].payload == nil {
		return Command{}, ErrUnknownKind{Kind(kind)}
	}
	r.Own()
	c.Payload = table[kind].payload()
	c.Payload.decode(r)
	if err := r.Done(); err != nil {
		return Command{}, fmt.Errorf("command %s: %w", Kind(kind), err)
	}
	return c, nil
}

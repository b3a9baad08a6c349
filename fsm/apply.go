package fsm

import (
	"fmt"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/fsm/wire"
)

// maxDeadline bounds how far ahead of the leader's stamp a command's deadline may lie, and with it for how long results
// are remembered: one minute.
const maxDeadline = directory.Time(60_000_000)

// transaction is one command being applied: the state, the command's header and what every rule needs.
type transaction struct {
	state        *state.State
	seq          uint64
	now          directory.Time
	organization directory.OrganizationID
	actor        string

	subject subject  // for the sync log
	logged  uint32   // rows of the sync log so far
	detail  []string // for the audit log: what the command itself does not tell
}

func newTransaction(s *state.State, c *command.Command) *transaction {
	return &transaction{state: s, seq: s.NextSeq(), now: s.At(), organization: c.Organization, actor: c.Actor}
}

// applyFunc checks the rules of one kind and, if they hold, writes. It writes nothing when it returns a refusal. It fills
// Version, Changed, Created and Modified of the result.
type applyFunc func(tx *transaction, p command.Payload) (command.Result, *directory.Error)

// table has one row per kind.
var table = map[command.Kind]applyFunc{
	command.KindRaiseLevel:         on(raiseLevel),
	command.KindCreateOrganization: on(createOrganization),
	command.KindUpdateOrganization: on(updateOrganization),
	command.KindDeleteOrganization: on(deleteOrganization),
	command.KindCreateToken:        on(createToken),
	command.KindRevokeToken:        on(revokeToken),
	command.KindPutConnection:      on(putConnection),
	command.KindDeleteConnection:   on(deleteConnection),
	command.KindCreateUser:         on(createUser),
	command.KindReplaceUser:        on(replaceUser),
	command.KindDeleteUser:         on(deleteUser),
	command.KindCreateGroup:        on(createGroup),
	command.KindUpdateGroup:        on(updateGroup),
	command.KindDeleteGroup:        on(deleteGroup),
	command.KindOpenSession:        on(openSession),
	command.KindCloseSession:       on(closeSession),
	command.KindPutSettings:        on(putSettings),
	command.KindCreateClient:       on(createClient),
	command.KindDeleteClient:       on(deleteClient),
	command.KindTouchTokens:        on(touchTokens),
	command.KindPutSchema:          on(putSchema),
	command.KindDeleteSchema:       on(deleteSchema),
	command.KindStageMembers:       on(stageMembers),
	command.KindAppendSyncLog:      on(appendSyncLog),
	command.KindMarkNotified:       on(markNotified),
	command.KindRestoreUser:        on(restoreUser),
	command.KindEraseUser:          on(eraseUser),
	command.KindConvertUsers:       on(convertUsers),
	command.KindRenameUsers:        on(renameUsers),
	command.KindPutRequest:         on(putRequest),
	command.KindStepRequest:        on(stepRequest),
	command.KindDeleteRequest:      on(deleteRequest),
	command.KindPutDomain:          on(putDomain),
	command.KindLookDomain:         on(lookDomain),
	command.KindDeleteDomain:       on(deleteDomain),
	command.KindPutProvider:        on(putProvider),
	command.KindPutSigningKey:      on(putSigningKey),
	command.KindPutApplication:     on(putApplication),
	command.KindDeleteApplication:  on(deleteApplication),
	command.KindEndSessions:        on(endSessions),
	command.KindTouchSessions:      on(touchSessions),
	command.KindCountAttempt:       on(countAttempt),
	command.KindPutPasskey:         on(putPasskey),
	command.KindDeleteCredentials:  on(deleteCredentials),
	command.KindPutSetupLink:       on(putSetupLink),
	command.KindDeletePasskey:      on(deletePasskey),
	command.KindPutRecovery:        on(putRecovery),
	command.KindOpenLocalSession:   on(openLocalSession),
	command.KindDeleteLink:         on(deleteLink),
	command.KindJoinSession:        on(joinSession),
	command.KindFinishErrands:      on(finishErrands),
	command.KindRemindSecret:       on(remindSecret),
	command.KindRecordRefusals:     on(recordRefusals),
	command.KindOfferAlgorithm:     on(offerAlgorithm),
	command.KindPinAlgorithm:       on(pinAlgorithm),
}

// on makes an applyFunc of a function over one concrete payload.
func on[P command.Payload](apply func(*transaction, P) (command.Result, *directory.Error)) applyFunc {
	return func(tx *transaction, p command.Payload) (command.Result, *directory.Error) { return apply(tx, p.(P)) }
}

// applyCommand applies one command at most once. The error stops the node; refusals are in the result.
func (f *FSM) applyCommand(c *command.Command) (command.Result, error) {
	if row, ok := f.state.Remembered(c.RequestID); ok {
		r := wire.NewReader(row.Result)
		result := command.DecodeResult(r)
		return result, r.Done()
	}
	tx := newTransaction(f.state, c)
	refusal := tx.inTime(c.Deadline)
	var result command.Result
	if refusal == nil {
		result, refusal = tx.apply(c)
	}
	result.Seq, result.Error = tx.seq, refusal
	if refusal == nil || refusal.Kind != directory.KindExpired {
		f.state.Remember(state.Remembered{ID: c.RequestID, Deadline: c.Deadline, Result: encodeResult(&result)})
	}
	return result, nil
}

func (tx *transaction) inTime(deadline directory.Time) *directory.Error {
	switch {
	case deadline < tx.now:
		return directory.Errorf(directory.KindExpired, "", "the request reached the ledger after its deadline")
	case deadline > tx.now+maxDeadline:
		return directory.Errorf(directory.KindExpired, "", "the request's deadline is too far ahead; check the nodes' clocks")
	}
	return nil
}

// apply applies a command by the rule of its kind, and writes its note to the sync log unless it is refused.
func (tx *transaction) apply(c *command.Command) (command.Result, *directory.Error) {
	apply, ok := table[c.Payload.Kind()]
	if !ok {
		panic(fmt.Sprintf("no apply function for %s", c.Payload.Kind()))
	}
	result, refusal := apply(tx, c.Payload)
	if refusal == nil && result.Changed {
		tx.audit(c.Payload)
	}
	if refusal == nil && c.Note != nil {
		tx.logNote(c.Note, result.Changed)
	}
	return result, refusal
}

// directory gives the command's organization for writing.
func (tx *transaction) directory() (*state.Directory, *directory.Error) {
	d, ok := tx.state.Write(tx.organization)
	if !ok {
		return nil, directory.Errorf(directory.KindNotFound, "", "there is no organization %q", tx.organization)
	}
	return d, nil
}

// changed is the result of a write to a resource that was created at some time.
func (tx *transaction) changed(created directory.Time) command.Result {
	return command.Result{Version: tx.seq, Changed: true, Created: created, Modified: tx.now}
}

// stale refuses an expected version that is not the present one.
func stale(expected, present uint64) *directory.Error {
	if expected == 0 || expected == present {
		return nil
	}
	return directory.Errorf(directory.KindStale, "", "the resource is at version %d, not %d", present, expected)
}

func raiseLevel(tx *transaction, p *command.RaiseLevel) (command.Result, *directory.Error) {
	if p.Level > command.MaxLevel {
		panic(fmt.Sprintf("level %d is above this binary's %d: run a newer release", p.Level, command.MaxLevel))
	}
	if p.Level <= tx.state.Level() {
		return command.Result{Version: tx.state.Level()}, nil
	}
	tx.state.SetLevel(p.Level)
	return tx.changed(tx.now), nil
}

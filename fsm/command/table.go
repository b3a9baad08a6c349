package command

import "strconv"

// MaxLevel is the newest behaviour level that this binary can apply. A node stops at an entry or snapshot above it.
const MaxLevel = SecondLevel

// firstLevel is that of a new ledger, and of all that the first release could do. Level 2 has the kinds from PutRequest on,
// the fields behind wire.Writer.Later, just-in-time users, and the audit log.
const firstLevel = 1

// SecondLevel is that from which on a ledger takes what came after the first release.
const SecondLevel = 2

// row describes one kind: its name in logs and metrics, and a maker of empty payloads for decoding.
type row struct {
	name    string
	payload func() Payload
}

// table has one row per kind; a kind without a row is unknown.
var table = [...]row{
	KindRaiseLevel:         {"raise_level", func() Payload { return new(RaiseLevel) }},
	KindCreateOrganization: {"create_organization", func() Payload { return new(CreateOrganization) }},
	KindUpdateOrganization: {"update_organization", func() Payload { return new(UpdateOrganization) }},
	KindDeleteOrganization: {"delete_organization", func() Payload { return new(DeleteOrganization) }},
	KindCreateToken:        {"create_token", func() Payload { return new(CreateToken) }},
	KindRevokeToken:        {"revoke_token", func() Payload { return new(RevokeToken) }},
	KindPutConnection:      {"put_connection", func() Payload { return new(PutConnection) }},
	KindDeleteConnection:   {"delete_connection", func() Payload { return new(DeleteConnection) }},
	KindCreateUser:         {"create_user", func() Payload { return new(CreateUser) }},
	KindReplaceUser:        {"replace_user", func() Payload { return new(ReplaceUser) }},
	KindDeleteUser:         {"delete_user", func() Payload { return new(DeleteUser) }},
	KindCreateGroup:        {"create_group", func() Payload { return new(CreateGroup) }},
	KindUpdateGroup:        {"update_group", func() Payload { return new(UpdateGroup) }},
	KindDeleteGroup:        {"delete_group", func() Payload { return new(DeleteGroup) }},
	KindOpenSession:        {"open_session", func() Payload { return new(OpenSession) }},
	KindCloseSession:       {"close_session", func() Payload { return new(CloseSession) }},
	KindPutSettings:        {"put_settings", func() Payload { return new(PutSettings) }},
	KindCreateClient:       {"create_client", func() Payload { return new(CreateClient) }},
	KindDeleteClient:       {"delete_client", func() Payload { return new(DeleteClient) }},
	KindTouchTokens:        {"touch_tokens", func() Payload { return new(TouchTokens) }},
	KindPutSchema:          {"put_schema", func() Payload { return new(PutSchema) }},
	KindDeleteSchema:       {"delete_schema", func() Payload { return new(DeleteSchema) }},
	KindStageMembers:       {"stage_members", func() Payload { return new(StageMembers) }},
	KindAppendSyncLog:      {"append_sync_log", func() Payload { return new(AppendSyncLog) }},
	KindMarkNotified:       {"mark_notified", func() Payload { return new(MarkNotified) }},
	KindRestoreUser:        {"restore_user", func() Payload { return new(RestoreUser) }},
	KindEraseUser:          {"erase_user", func() Payload { return new(EraseUser) }},
	KindConvertUsers:       {"convert_users", func() Payload { return new(ConvertUsers) }},
	KindRenameUsers:        {"rename_users", func() Payload { return new(RenameUsers) }},
	KindPutRequest:         {"put_request", func() Payload { return new(PutRequest) }},
	KindStepRequest:        {"step_request", func() Payload { return new(StepRequest) }},
	KindDeleteRequest:      {"delete_request", func() Payload { return new(DeleteRequest) }},
	KindPutDomain:          {"put_domain", func() Payload { return new(PutDomain) }},
	KindLookDomain:         {"look_domain", func() Payload { return new(LookDomain) }},
	KindDeleteDomain:       {"delete_domain", func() Payload { return new(DeleteDomain) }},
	KindEndSessions:        {"end_sessions", func() Payload { return new(EndSessions) }},
	KindTouchSessions:      {"touch_sessions", func() Payload { return new(TouchSessions) }},
	KindCountAttempt:       {"count_attempt", func() Payload { return new(CountAttempt) }},
	KindPutPasskey:         {"put_passkey", func() Payload { return new(PutPasskey) }},
	KindDeletePasskey:      {"delete_passkey", func() Payload { return new(DeletePasskey) }},
	KindPutRecovery:        {"put_recovery", func() Payload { return new(PutRecovery) }},
	KindOpenLocalSession:   {"open_local_session", func() Payload { return new(OpenLocalSession) }},
	KindDeleteLink:         {"delete_link", func() Payload { return new(DeleteLink) }},
	KindPutProvider:        {"put_provider", func() Payload { return new(PutProvider) }},
	KindPutSigningKey:      {"put_signing_key", func() Payload { return new(PutSigningKey) }},
	KindPutApplication:     {"put_application", func() Payload { return new(PutApplication) }},
	KindDeleteApplication:  {"delete_application", func() Payload { return new(DeleteApplication) }},
	KindJoinSession:        {"join_session", func() Payload { return new(JoinSession) }},
	KindFinishErrands:      {"finish_errands", func() Payload { return new(FinishErrands) }},
	KindRemindSecret:       {"remind_secret", func() Payload { return new(RemindSecret) }},
	KindDeleteCredentials:  {"delete_credentials", func() Payload { return new(DeleteCredentials) }},
	KindPutSetupLink:       {"put_setup_link", func() Payload { return new(PutSetupLink) }},
	KindRecordRefusals:     {"record_refusals", func() Payload { return new(RecordRefusals) }},
	KindOfferAlgorithm:     {"offer_algorithm", func() Payload { return new(OfferAlgorithm) }},
	KindPinAlgorithm:       {"pin_algorithm", func() Payload { return new(PinAlgorithm) }},
}

// Kinds lists every known kind.
func Kinds() []Kind {
	var kinds []Kind
	for kind := range table {
		if table[kind].payload != nil {
			kinds = append(kinds, Kind(kind))
		}
	}
	return kinds
}

// String names the kind for logs and metric labels.
func (k Kind) String() string {
	if int(k) < len(table) && table[k].payload != nil {
		return table[k].name
	}
	return "kind_" + strconv.Itoa(int(k))
}

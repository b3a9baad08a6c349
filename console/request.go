package console

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// RequestFields is what an owner chooses about a connection.
type RequestFields struct {
	Connection directory.ConnectionID // that it changes; empty: it makes a new one. A request that is there keeps its own
	Registration
	Domains    []string // that the connection is for, any letter case; those that the organization does not have are claimed
	BreakGlass []string // addresses in one of Domains or below one
	Phone      directory.PhonePolicy
}

// Request is a connection request with what it would change.
type Request struct {
	*directory.ConnectionRequest
	Owner   *directory.Organization
	Secret  SecretState
	Claims  []Claim  // of the request's domains, in its order
	Changes []Change // against what is in force now; none once it is in force
}

// SecretState says which client secret a connection would have.
type SecretState string

// The states.
const (
	SecretGiven     SecretState = "given"      // the request brings one
	SecretKept      SecretState = "kept"       // the connection has one, for the same client of the same provider
	SecretMissing   SecretState = "missing"    // there is none yet
	SecretNotNeeded SecretState = "not_needed" // the auth method has none
)

// RequestStep is a step that somebody takes with a connection request.
type RequestStep string

// The steps. Who may take which is the hallway's to say: the review is the operator's.
const (
	StepSubmit   RequestStep = "submit"   // ready for review
	StepWithdraw RequestStep = "withdraw" // a draft again
	StepReturn   RequestStep = "return"   // reviewed: changes are requested
	StepApprove  RequestStep = "approve"  // reviewed: may be activated
	StepActivate RequestStep = "activate" // approved: in force
	StepDisable  RequestStep = "disable"  // in force: its connection is turned off
	StepEnable   RequestStep = "enable"   // disabled: in force again
)

// requestSteps say from where to where a step goes.
var requestSteps = map[RequestStep]struct {
	from []directory.RequestState
	to   directory.RequestState
}{
	StepSubmit: {[]directory.RequestState{directory.RequestDraft, directory.RequestReturned}, directory.RequestSubmitted},
	StepWithdraw: {[]directory.RequestState{
		directory.RequestSubmitted, directory.RequestReturned, directory.RequestApproved,
	}, directory.RequestDraft},
	StepReturn:   {[]directory.RequestState{directory.RequestSubmitted}, directory.RequestReturned},
	StepApprove:  {[]directory.RequestState{directory.RequestSubmitted}, directory.RequestApproved},
	StepActivate: {[]directory.RequestState{directory.RequestApproved}, directory.RequestActive},
	StepDisable:  {[]directory.RequestState{directory.RequestActive}, directory.RequestDisabled},
	StepEnable:   {[]directory.RequestState{directory.RequestDisabled}, directory.RequestActive},
}

// CreateRequest makes a draft of a request. The authority's discovery document is fetched at once, as by PutConnection, and
// the domains are claimed. Errors: KindInvalid with the field, KindNotFound, KindForbidden when the plan does not include
// sign-in, KindConflict when a domain is another organization's, another connection of the region has the client, or another
// request for the connection is under way, KindTooLarge.
func (s *Service) CreateRequest(
	ctx context.Context, actor string, org directory.OrganizationID, in RequestFields,
) (Request, *Discovery, error) {
	next := &directory.ConnectionRequest{
		ID: directory.ConnectionRequestID(s.deps.NewID()), Organization: org,
		Connection: cmp.Or(in.Connection, directory.ConnectionID(s.deps.NewID())),
	}
	discovery, err := s.prepare(ctx, actor, org, &in, func(d *state.Directory) (*directory.ConnectionRequest, error) {
		if in.Connection == "" {
			return next, roomForConnection(d)
		}
		if _, ok := d.Connection(in.Connection); !ok {
			return nil, directory.Errorf(directory.KindInvalid, "connection", "the organization has no connection %q", in.Connection)
		}
		return next, nil
	})
	if err != nil {
		return Request{}, nil, err
	}
	if err := s.writeRequest(ctx, actor, next, &in); err != nil {
		return Request{}, nil, err
	}
	request, err := s.GetRequest(ctx, org, next.ID)
	return request, discovery, err
}

// EditRequest changes what a request asks for; whatever its state was, it is a draft again. A kept client secret survives
// only while issuer and client id stay the same, as by PutConnection; an edit that would lose it is refused. Version is the one
// that was read, 0 for whatever is there. Errors as of CreateRequest, KindConflict for a request that is or was in force, and
// KindStale.
func (s *Service) EditRequest(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionRequestID, version uint64, in RequestFields,
) (Request, *Discovery, error) {
	discovery, err := s.prepare(ctx, actor, org, &in, func(d *state.Directory) (*directory.ConnectionRequest, error) {
		old, err := requestOf(d, id, version)
		if err == nil && !old.State.Editable() {
			err = directory.Errorf(directory.KindConflict, "state", "the request is %s and cannot be changed; make a new one", old.State)
		}
		return old, err
	})
	if err != nil {
		return Request{}, nil, err
	}
	err = untilFreshOr(version, func() error {
		d, err := s.directoryOf(ctx, org)
		if err != nil {
			return err
		}
		old, err := requestOf(d, id, version)
		if err != nil {
			return err
		}
		return s.writeRequest(ctx, actor, old, &in)
	})
	if err != nil {
		return Request{}, nil, err
	}
	request, err := s.GetRequest(ctx, org, id)
	return request, discovery, err
}

// prepare checks a request's fields, first without the network, and claims its domains. place gives the request that they are
// put into, if they may be.
func (s *Service) prepare(
	ctx context.Context, actor string, org directory.OrganizationID, in *RequestFields,
	place func(*state.Directory) (*directory.ConnectionRequest, error),
) (*Discovery, error) {
	if err := in.complete(s.deps.Now()); err != nil {
		return nil, err
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, err
	}
	d, err := find(view, org)
	if err != nil {
		return nil, err
	}
	if err := maySignIn(view, d, ""); err != nil {
		return nil, err
	}
	old, err := place(d)
	if err != nil {
		return nil, err
	}
	if err := in.domainsFree(view, org); err != nil {
		return nil, err
	}
	discovery, err := s.discover(ctx, &in.Registration)
	if err != nil {
		return nil, err
	}
	if err := clientFree(view, old, in.Issuer, in.ClientID); err != nil {
		return nil, err
	}
	if err := in.losesSecret(d, old); err != nil {
		return nil, err
	}
	return discovery, s.claimAll(ctx, actor, org, in.Domains)
}

func (f *RequestFields) complete(now time.Time) error {
	if err := f.Registration.complete(now); err != nil {
		return err
	}
	f.Domains, f.BreakGlass = foldAll(f.Domains), foldAddresses(f.BreakGlass)
	choices := f.choices()
	if err := choices.Validate(); err != nil {
		return err
	}
	for _, name := range f.Domains {
		if err := provable("domains", name); err != nil {
			return err
		}
	}
	return nil
}

func (f *RequestFields) choices() directory.RequestChoices {
	return directory.RequestChoices{
		Issuer: f.Issuer, ClientID: f.ClientID, ConnectionSettings: f.ConnectionSettings,
		Domains: f.Domains, BreakGlass: f.BreakGlass, Phone: f.Phone,
	}
}

// domainsFree refuses domains of other organizations, before anything is written.
func (f *RequestFields) domainsFree(view *state.View, org directory.OrganizationID) error {
	for _, name := range f.Domains {
		if holder, taken := view.DirectoryByDomain(name); taken && holder.Organization().ID != org {
			return explainTaken(directory.Errorf(directory.KindConflict, "", ""), "domains")
		}
	}
	return nil
}

// losesSecret refuses fields that would leave a request without the client secret that it has, or that its connection keeps: it
// was given for another client, and the person who changes that has the new one at hand.
func (f *RequestFields) losesSecret(d *state.Directory, old *directory.ConnectionRequest) error {
	choices := f.choices()
	if old.Version == 0 || !f.ClientSecret.IsZero() || !f.AuthMethod.NeedsSecret() || old.Registration().SameProof(choices.Registration()) {
		return nil
	}
	active, _ := d.Connection(old.Connection)
	next := &directory.ConnectionRequest{Connection: old.Connection, RequestChoices: choices}
	if secretOf(next, active) == SecretKept {
		return nil
	}
	if before := secretOf(old, active); before != SecretGiven && before != SecretKept {
		return nil
	}
	return directory.Errorf(directory.KindInvalid, "client_secret", "client_secret stays with the client that it was given for, and issuer or "+
		"client_id are others now: send the new client's secret too, or choose the auth_method private_key_jwt")
}

// clientFree refuses the client of another connection of the region, before somebody reviews what cannot be put in force. Whose it
// is is said to its own organization only.
func clientFree(view *state.View, request *directory.ConnectionRequest, issuer, clientID string) error {
	holder, taken := view.ConnectionByClient(issuer, clientID)
	switch {
	case !taken || holder.ID == request.Connection:
		return nil
	case holder.Organization == request.Organization:
		return directory.Errorf(directory.KindConflict, "client_id", "client_id is in use: connection %s of the organization has this client of "+
			"this issuer. To change it, make a request for that connection", holder.ID)
	default:
		return directory.Errorf(directory.KindConflict, "client_id", "client_id is in use: another connection of this region has this client of "+
			"this issuer. Register a client of its own at the provider")
	}
}

// writeRequest puts the fields into a request in place of old, which has no version if it is new.
func (s *Service) writeRequest(ctx context.Context, actor string, old *directory.ConnectionRequest, in *RequestFields) error {
	choices := in.choices()
	var err error
	choices.ClientSecret, choices.SecretExpires, err = s.sealed(&in.Registration, &directory.Connection{
		ID: old.Connection, Organization: old.Organization, Issuer: old.Issuer, ClientID: old.ClientID,
		ClientSecret: old.ClientSecret, SecretExpires: old.SecretExpires, ConnectionSettings: old.ConnectionSettings,
	})
	if err != nil {
		return err
	}
	_, err = s.propose(ctx, actor, old.Organization, &command.PutRequest{
		ID: old.ID, ExpectVersion: old.Version, Connection: old.Connection, RequestChoices: choices,
	})
	return err
}

// StepNote goes with a step.
type StepNote struct {
	Version uint64 // of the request that was read; 0: whatever it is. An approval needs it
	Note    string // the reviewer's words, on several lines if need be; whoever returns a request says why
	// TrustSharedCallback: whoever approves a request with the shared redirect address trusts its provider, although that does
	// not say who it is in its answers.
	TrustSharedCallback bool
}

// StepRequest takes a step. Errors: KindInvalid with the field, among them client_secret where there is none yet,
// KindNotFound, KindForbidden when the plan does not include sign-in, KindConflict from a state that does not allow it, when
// another connection of the region has the client, and where trust is wanted and was not given, KindStale.
func (s *Service) StepRequest(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionRequestID, step RequestStep, in StepNote,
) (Request, error) {
	in.Note = strings.TrimSpace(strings.ReplaceAll(in.Note, "\r\n", "\n"))
	if err := in.validate(step); err != nil {
		return Request{}, err
	}
	err := untilFreshOr(in.Version, func() error {
		view, err := s.deps.Viewer.View(ctx, state.Confirmed())
		if err != nil {
			return err
		}
		d, err := find(view, org)
		if err != nil {
			return err
		}
		request, err := requestOf(d, id, in.Version)
		if err != nil {
			return err
		}
		if err := mayStep(view, d, request, step); err != nil {
			return err
		}
		note, err := in.noteOn(step, request)
		if err != nil {
			return err
		}
		_, err = s.propose(ctx, actor, org, &command.StepRequest{
			ID: id, ExpectVersion: request.Version, To: requestSteps[step].to, Note: note,
		})
		return err
	})
	if err != nil {
		return Request{}, err
	}
	return s.GetRequest(ctx, org, id)
}

func (n *StepNote) validate(step RequestStep) error {
	switch {
	case len(n.Note) > directory.MaxNote:
		return directory.Errorf(directory.KindInvalid, "note", "a note has at most %d bytes", directory.MaxNote)
	case step == StepReturn && n.Note == "":
		return directory.Errorf(directory.KindInvalid, "note", "say in a note what has to change")
	case step == StepApprove && n.Version == 0:
		return directory.Errorf(directory.KindInvalid, "version", "say which version of the request was reviewed")
	}
	return validateText("note", strings.NewReplacer("\n", " ", "\t", " ").Replace(n.Note))
}

// trusted begins the note of an approval with trust, so that the audit log has it whatever follows.
const trusted = "Trusted at the shared redirect address, although the provider does not say who it is in its answers."

// noteOn gives the words that go with a step. An approval that takes trust says that it was given.
func (n *StepNote) noteOn(step RequestStep, request *directory.ConnectionRequest) (string, error) {
	if step != StepApprove || !request.SharedUnnamed() {
		return n.Note, nil
	}
	if err := trustedToShare(&request.ConnectionSettings, n.TrustSharedCallback); err != nil {
		return "", err
	}
	note := strings.TrimSpace(trusted + "\n" + n.Note)
	if len(note) > directory.MaxNote {
		return "", directory.Errorf(directory.KindInvalid, "note", "the note must be shorter by %d bytes", len(note)-directory.MaxNote)
	}
	return note, nil
}

// trustedToShare wants an operator's word for a provider that calls back at the shared address and need not say who it is.
func trustedToShare(s *directory.ConnectionSettings, given bool) error {
	if given || !s.SharedUnnamed() {
		return nil
	}
	return directory.Errorf(directory.KindConflict, "trust_shared_callback", "trust_shared_callback is required: the connection uses the redirect "+
		"address that all share, and the provider does not say who it is in its answers (RFC 9207), which alone would keep them apart from "+
		"another provider's. Have the connection's own redirect address registered instead, unless you trust this provider")
}

// mayStep checks what the ledger cannot tell the person who has to mend it.
func mayStep(view *state.View, d *state.Directory, request *directory.ConnectionRequest, step RequestStep) error {
	if !slices.Contains(requestSteps[step].from, request.State) {
		return directory.Errorf(directory.KindConflict, "state", "the request is %s; it cannot take the step %q", request.State, step)
	}
	if step == StepSubmit || step == StepApprove || step == StepActivate {
		if err := clientFree(view, request, request.Issuer, request.ClientID); err != nil {
			return err
		}
	}
	to := requestSteps[step].to
	if to != directory.RequestSubmitted && to != directory.RequestActive {
		return nil
	}
	if err := maySignIn(view, d, ""); err != nil {
		return err
	}
	active, exists := d.Connection(request.Connection)
	if secretOf(request, active) == SecretMissing {
		return directory.Errorf(directory.KindInvalid, "client_secret", "the request needs a client secret; change the request and enter it")
	}
	if !exists {
		return roomForConnection(d)
	}
	return nil
}

// GetRequest finds a connection request of an organization. Errors: KindNotFound.
func (s *Service) GetRequest(
	ctx context.Context, org directory.OrganizationID, id directory.ConnectionRequestID,
) (Request, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return Request{}, err
	}
	request, err := requestOf(d, id, 0)
	if err != nil {
		return Request{}, err
	}
	return describeRequest(d, request), nil
}

// CheckRequest asks the provider of a request again what it says about itself. Errors: KindInvalid about the issuer when it
// cannot be asked or is another one by now, KindNotFound.
func (s *Service) CheckRequest(
	ctx context.Context, org directory.OrganizationID, id directory.ConnectionRequestID,
) (*Discovery, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	request, err := requestOf(d, id, 0)
	if err != nil {
		return nil, err
	}
	return s.discover(ctx, &Registration{Issuer: request.Issuer, ConnectionSettings: request.ConnectionSettings})
}

// ListRequests gives an organization's connection requests, oldest first. Errors: KindNotFound.
func (s *Service) ListRequests(ctx context.Context, org directory.OrganizationID) ([]Request, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	var all []Request
	for request := range d.Requests() {
		all = append(all, describeRequest(d, request))
	}
	slices.SortStableFunc(all, func(a, b Request) int { return cmp.Compare(a.Created, b.Created) })
	return all, nil
}

// RequestQuery asks for one page of the connection requests of all organizations.
type RequestQuery struct {
	State *directory.RequestState // nil: any
	Paging
}

// RequestPage is one page of connection requests, by organization and id.
type RequestPage struct {
	Requests      []Request
	NextPageToken string // "" on the last page
}

// ReviewRequests gives one page of the requests of all organizations. Errors: KindInvalid.
func (s *Service) ReviewRequests(ctx context.Context, q RequestQuery) (RequestPage, error) {
	size, after, err := q.bounds()
	if err != nil {
		return RequestPage{}, err
	}
	org, id, ok := strings.Cut(after, "/")
	if after != "" && !ok {
		return RequestPage{}, badPageToken()
	}
	view, err := s.deps.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return RequestPage{}, err
	}
	rest := where(requestsOf(view), func(r Request) bool {
		past := string(r.Organization) > org || string(r.Organization) == org && string(r.ID) > id
		return past && (q.State == nil || r.State == *q.State)
	})
	var page RequestPage
	page.Requests, page.NextPageToken = take(rest, size, func(r Request) string { return string(r.Organization) + "/" + string(r.ID) })
	for i, r := range page.Requests {
		d, _ := view.Directory(r.Organization)
		page.Requests[i] = describeRequest(d, r.ConnectionRequest)
	}
	return page, nil
}

// requestsOf iterates over the requests of the region by organization and id, not yet described.
func requestsOf(view *state.View) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		for d := range view.Directories() {
			for request := range d.Requests() {
				if !yield(Request{ConnectionRequest: request}) {
					return
				}
			}
		}
	}
}

// DeleteRequest removes a request that is not in force. Errors: KindNotFound, KindConflict.
func (s *Service) DeleteRequest(
	ctx context.Context, actor string, org directory.OrganizationID, id directory.ConnectionRequestID,
) error {
	_, err := s.propose(ctx, actor, org, &command.DeleteRequest{ID: id})
	return err
}

// requestOf finds a request at a version; 0 is any.
func requestOf(d *state.Directory, id directory.ConnectionRequestID, version uint64) (*directory.ConnectionRequest, error) {
	request, ok := d.Request(id)
	if !ok {
		return nil, directory.Errorf(directory.KindNotFound, "", "there is no connection request %q", id)
	}
	if version != 0 && version != request.Version {
		return nil, directory.Errorf(directory.KindStale, "version", "the request was changed meanwhile; look at it again")
	}
	return request, nil
}

// describeRequest compares a request with what is in force.
func describeRequest(d *state.Directory, request *directory.ConnectionRequest) Request {
	active, _ := d.Connection(request.Connection)
	r := Request{ConnectionRequest: request, Owner: d.Organization(), Secret: secretOf(request, active)}
	for _, name := range request.Domains {
		r.Claims = append(r.Claims, claimOf(d, name))
	}
	if request.State != directory.RequestActive {
		r.Changes = changesOf(request, active, d.Organization())
	}
	return r
}

// secretOf says which secret the connection of a request would have; active is nil where there is none yet.
func secretOf(request *directory.ConnectionRequest, active *directory.Connection) SecretState {
	switch {
	case !request.AuthMethod.NeedsSecret():
		return SecretNotNeeded
	case len(request.ClientSecret) > 0:
		return SecretGiven
	case active != nil && active.SameProof(request.Registration()) && len(active.ClientSecret) > 0:
		return SecretKept
	default:
		return SecretMissing
	}
}

// untilFreshOr is untilFresh where nobody said which version it is about; else the change has one try.
func untilFreshOr(version uint64, change func() error) error {
	if version != 0 {
		return change()
	}
	return untilFresh(change)
}

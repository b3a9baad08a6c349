package scim

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/scim/patch"
	"domicile/scim/schema"
)

// Trial is a request to be tried without effect.
type Trial struct {
	Method  string // GET, POST, PUT, PATCH or DELETE
	Path    string // below the base URL: /Users, /Groups/{id}, /Users/.search, /Bulk
	Query   string // as in a URL, without the question mark
	IfMatch string
	Body    []byte
}

// Rehearsal is what a request would do now.
type Rehearsal struct {
	Status     int
	Body       []byte // as the identity provider would get it; ids and versions of what it would make are examples
	Courtesies []schema.Courtesy
	Effects    []Effect // in order; none where nothing would be written
}

// Effect is one write that a request would do.
type Effect struct {
	Method     directory.SyncMethod
	Resource   string // "User" or "Group"
	ID         directory.ResourceID
	Name       string // userName or displayName after it
	Changed    bool   // false: the ledger would find that nothing changes
	Attributes []string
	Added      []directory.ResourceID // members
	Removed    []directory.ResourceID
	Operations string // a PATCH as it was understood
}

// DryRun tells what a request of the organization's identity provider would do now, by the same code and rules that would
// do it; nothing is written, and nobody is told. What would be refused is an answer, not an error. Errors: KindNotFound
// without such an organization, KindUnavailable.
func (e *Engine) DryRun(ctx context.Context, org directory.OrganizationID, t Trial) (Rehearsal, error) {
	if e.Rehearse == nil {
		return Rehearsal{}, errors.New("scim: there is nothing to rehearse with")
	}
	v, d, err := e.confirmed(ctx, org)
	if err != nil {
		return Rehearsal{}, err
	}
	actor, err := e.actorOf(d)
	if err != nil {
		return Rehearsal{}, err
	}
	stage := &rehearsal{rehearse: e.Rehearse, view: v, organization: org, staged: make(map[directory.ChangeID]staged)}
	dry := Engine{e.Deps, e.workshop}
	dry.Proposer, dry.Viewer, dry.Recorder, dry.Metrics = stage, stage, nil, nil
	response, err := dry.dispatch(ctx, actor, t)
	out := Rehearsal{Effects: stage.effects}
	if err != nil {
		fault := FaultOf(err)
		if fault.Status >= statusInternal {
			return Rehearsal{}, err
		}
		out.Status, out.Body = fault.Status, fault.Body()
		return out, nil
	}
	out.Status, out.Body, out.Courtesies = response.Status, bytes.Clone(response.Body), response.Courtesies
	response.Release()
	return out, nil
}

// confirmed gives a confirmed view and an organization in it. Errors: KindNotFound, KindUnavailable.
func (e *Engine) confirmed(ctx context.Context, org directory.OrganizationID) (*state.View, *state.Directory, error) {
	v, err := e.Viewer.View(ctx, state.Confirmed())
	if err != nil {
		return nil, nil, err
	}
	d, ok := v.Directory(org)
	if !ok {
		return nil, nil, directory.Errorf(directory.KindNotFound, "", "there is no such organization")
	}
	return v, d, nil
}

// dispatch is to a trial what the routes are to a request.
func (e *Engine) dispatch(ctx context.Context, a Actor, t Trial) (Response, error) {
	q, err := ParseQuery(t.Query)
	if err != nil {
		return Response{}, err
	}
	path, c := strings.Trim(t.Path, "/"), Conditions{IfMatch: t.IfMatch}
	kind, id := kinds, path
	if path != "" && path != bulkPath && path != searchPath {
		if kind, id, err = splitPath(path); err != nil {
			return Response{}, err
		}
	}
	switch one := id != ""; {
	case t.Method == "POST" && path == bulkPath:
		return e.Bulk(ctx, a, t.Body)
	case t.Method == "POST" && id == searchPath:
		return e.Search(ctx, a, kind, t.Body)
	case t.Method == "GET" && !one:
		return e.List(ctx, a, kind, q)
	case kind == kinds:
	case t.Method == "GET":
		return e.Get(ctx, a, kind, id, q, c)
	case t.Method == "POST" && !one:
		return e.Create(ctx, a, kind, t.Body, q)
	case t.Method == "PUT" && one:
		return e.Replace(ctx, a, kind, id, t.Body, q, c)
	case t.Method == "PATCH" && one:
		return e.Patch(ctx, a, kind, id, t.Body, q, c)
	case t.Method == "DELETE" && one:
		return e.Delete(ctx, a, kind, id, c)
	}
	return Response{}, &Fault{Status: statusMethodNotAllowed, Detail: schema.Quote(t.Method) + " is not possible on " + schema.Quote(t.Path)}
}

// bulkPath is the path of Bulk requests below the base URL.
const bulkPath = "Bulk"

// Replay is the dry run of a request that the sync log tells of: what would it do now? A PATCH is replayed as it was
// understood. Errors as of DryRun; KindNotFound without such a row, KindInvalid where the row is not of a request or does
// not have all of it any more.
func (e *Engine) Replay(ctx context.Context, org directory.OrganizationID, seq uint64, ordinal uint32) (Rehearsal, error) {
	_, d, err := e.confirmed(ctx, org)
	if err != nil {
		return Rehearsal{}, err
	}
	row, ok := d.SyncRow(seq, ordinal)
	if !ok {
		return Rehearsal{}, directory.Errorf(directory.KindNotFound, "", "there is no such row in the sync log, or not any more")
	}
	t, err := trialOf(row)
	if err != nil {
		return Rehearsal{}, err
	}
	return e.DryRun(ctx, org, t)
}

// trialOf makes the request again that a row tells of.
func trialOf(row *directory.SyncRow) (Trial, error) {
	t := Trial{Method: row.Method.String(), Body: []byte(row.Document)}
	for kind := range kinds {
		if kind.String() == row.Resource {
			t.Path = kind.endpoint()
		}
	}
	if row.Method != directory.SyncPost && row.ID != "" {
		t.Path += "/" + string(row.ID)
	}
	complete := len(t.Body) > 0
	switch row.Method {
	case directory.SyncGet:
		t.Query, t.Body = askedAgain(row.Operations), nil
		complete = t.Query != "" || row.ID != "" // of a question it keeps what chooses and orders; of none of that, nothing
	case directory.SyncDelete:
		t.Body, complete = nil, true
	case directory.SyncPatch:
		if ops := row.Operations; strings.HasPrefix(ops, "[") && strings.HasSuffix(ops, "]") && !strings.Contains(ops, "…") {
			t.Body, complete = []byte(`{"schemas":["`+patch.URN+`"],"Operations":`+ops+`}`), true
		} else {
			complete = complete && row.Failed()
		}
	case directory.SyncPost:
		if row.Resource == "" {
			t.Path = bulkPath
		}
	case directory.SyncPut:
	default:
		return Trial{}, directory.Errorf(directory.KindInvalid, "", "only requests of the identity provider can be replayed")
	}
	if row.Status == statusPreconditionFailed { // If-Match is not kept, and without it the request means something else
		complete = false
	}
	if !complete {
		return Trial{}, directory.Errorf(directory.KindInvalid, "", "the sync log does not have the whole request any more")
	}
	return t, nil
}

// rehearsal is a ledger that exists for one dry run: it begins with a view, and every command makes the next one.
type rehearsal struct {
	rehearse     func(*state.View, command.Command) (command.Result, *state.View)
	organization directory.OrganizationID

	mu      sync.Mutex // guards what follows
	view    *state.View
	staged  map[directory.ChangeID]staged
	effects []Effect
}

// staged are the members of a large change, as they were sent.
type staged struct{ add, remove []directory.ResourceID }

// View implements state.Viewer.
func (h *rehearsal) View(context.Context, state.Freshness) (*state.View, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.view, nil
}

// Propose implements command.Proposer.
func (h *rehearsal) Propose(_ context.Context, c command.Command) (command.Result, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	result, next := h.rehearse(h.view, c)
	if err := result.Err(); err != nil {
		return result, err
	}
	if part, ok := c.Payload.(*command.StageMembers); ok {
		change := h.staged[part.Change]
		h.staged[part.Change] = staged{append(change.add, part.Add...), append(change.remove, part.Remove...)}
	} else if c.Note != nil {
		h.effects = append(h.effects, h.effect(&c, result))
	}
	h.view = next
	return result, nil
}

// effect tells what a command did to the view before it.
func (h *rehearsal) effect(c *command.Command, result command.Result) Effect {
	effect := Effect{
		Method: c.Note.Method, Changed: result.Changed, Attributes: c.Note.Changes, Operations: c.Note.Operations,
		Resource: Users.String(),
	}
	d, _ := h.view.Directory(h.organization)
	switch p := c.Payload.(type) {
	case *command.CreateUser:
		effect.ID, effect.Name = p.ID, p.UserName
	case *command.ReplaceUser:
		effect.ID, effect.Name = p.ID, p.UserName
	case *command.DeleteUser:
		effect.ID, effect.Name = p.ID, nameIn(d, Users, p.ID)
	case *command.CreateGroup:
		effect.Resource, effect.ID, effect.Name = Groups.String(), p.ID, p.DisplayName
		effect.Added = slices.Concat(p.Members, h.staged[p.Staged].add)
	case *command.UpdateGroup:
		effect.Resource, effect.ID, effect.Name = Groups.String(), p.ID, nameIn(d, Groups, p.ID)
		if p.Fields != nil {
			effect.Name = p.Fields.DisplayName
		}
		change := h.staged[p.Staged]
		effect.Added = membersIn(d, p.ID, slices.Concat(p.Add, change.add), false)
		effect.Removed = membersIn(d, p.ID, slices.Concat(p.Remove, change.remove), true)
	case *command.DeleteGroup:
		effect.Resource, effect.ID, effect.Name = Groups.String(), p.ID, nameIn(d, Groups, p.ID)
	}
	return effect
}

func nameIn(d *state.Directory, kind Kind, id directory.ResourceID) string {
	if r, ok := find(d, kind, string(id)); ok {
		return r.uniqueName()
	}
	return ""
}

// membersIn picks those of a list that are members of a group, or those that are not.
func membersIn(d *state.Directory, group directory.ResourceID, ids []directory.ResourceID, are bool) []directory.ResourceID {
	g, ok := d.Group(group)
	if !ok {
		return nil
	}
	var picked []directory.ResourceID
	for _, id := range ids {
		if n, ok := d.Number(id); ok && d.IsMember(g.Number, n) == are {
			picked = append(picked, id)
		}
	}
	return picked
}

package scim

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"domicile/directory"
	"domicile/scim/patch"
	"domicile/scim/schema"
)

// The limits of one Bulk request, as the service provider's configuration states them.
const (
	MaxBulkOperations = 1000
	MaxBulkBytes      = 1 << 20
)

// The schemas of Bulk messages (RFC 7644 §3.7).
const (
	BulkRequestURN  = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
)

// bulkPrefix opens a reference to what another operation of the request creates.
const bulkPrefix = "bulkId:"

// bulkOperation is one operation of a Bulk request and what became of it.
type bulkOperation struct {
	method  string
	path    string
	bulkID  string
	version string
	data    any

	id       directory.ResourceID // of what a POST creates: chosen before anything is done, so that others can refer to it
	refers   map[string]bool      // the bulkIds that it names, once somebody asked
	done     bool
	status   int
	location string
	etag     string
	fault    *Fault
	// of is the operation that this one completes; it has no result of its own.
	of *bulkOperation
}

// bulkJob is one Bulk request being worked on.
type bulkJob struct {
	*request
	operations []*bulkOperation
	posts      map[string]*bulkOperation // by bulkId
	limit      int                       // failOnErrors, 0 for no limit
	failures   int
}

// Bulk answers POST /Bulk (RFC 7644 §3.7). Each operation is atomic, the whole is not. Operations are done in order, but
// for those that refer to what a later one creates: they wait for it. Groups that refer to each other in a circle are
// created without those members first, which are added as soon as they exist.
func (e *Engine) Bulk(ctx context.Context, a Actor, body []byte) (answer Response, err error) {
	r := e.begin(a, directory.SyncPost, opBulk, kinds)
	defer r.end(&answer, &err)
	r.body.raw = body
	job, err := r.readBulk(body)
	if err != nil {
		return Response{}, err
	}
	job.run(ctx)
	return Response{Status: statusOK, Body: job.answer()}, nil
}

func (r *request) readBulk(body []byte) (*bulkJob, error) {
	if len(body) > MaxBulkBytes {
		return nil, &Fault{Status: statusTooLarge, Detail: "a bulk request may have at most " + strconv.Itoa(MaxBulkBytes) + " bytes (maxPayloadSize)"}
	}
	o, err := r.message(body, BulkRequestURN)
	if err != nil {
		return nil, err
	}
	list, ok := get(o, "Operations").([]any)
	if !ok || len(list) == 0 {
		return nil, badRequest(schema.InvalidSyntax, "Operations must be a list with at least one operation")
	}
	if len(list) > MaxBulkOperations {
		return nil, &Fault{Status: statusTooLarge, Detail: "a bulk request may have at most " + strconv.Itoa(MaxBulkOperations) + " operations (maxOperations)"}
	}
	job := &bulkJob{request: r, posts: make(map[string]*bulkOperation)}
	if v := get(o, "failOnErrors"); v != nil {
		if job.limit, err = numberMember("failOnErrors", v); err != nil {
			return nil, err
		}
	}
	for _, item := range list {
		operation, err := job.read(item)
		if err != nil {
			return nil, err
		}
		job.operations = append(job.operations, operation)
	}
	return job, nil
}

// read takes one operation. Only what makes the request as a whole unreadable is an error here.
func (j *bulkJob) read(v any) (*bulkOperation, error) {
	o, ok := v.(schema.Object)
	if !ok {
		return nil, badRequest(schema.InvalidSyntax, "an operation of a bulk request must be an object")
	}
	text := func(name string) string {
		s, _ := get(o, name).(string)
		return s
	}
	operation := &bulkOperation{
		method: strings.ToUpper(text("method")), path: text("path"), bulkID: text("bulkId"), version: text("version"),
		data: get(o, "data"),
	}
	if operation.method == "POST" && operation.bulkID != "" {
		if _, repeated := j.posts[operation.bulkID]; repeated {
			return nil, badRequest(schema.InvalidValue, "the bulkId %s is used twice", schema.Quote(operation.bulkID))
		}
		operation.id = directory.ResourceID(j.NewID())
		j.posts[operation.bulkID] = operation
	}
	return operation, nil
}

// get reads a member by name without letter case.
func get(o schema.Object, name string) any {
	for key, v := range o {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// run does the operations. Those that refer to something still to come are put off until a round does nothing more;
// then a group in a circle is created without the members that are missing.
func (j *bulkJob) run(ctx context.Context) {
	for {
		progress := false
		for _, operation := range j.operations {
			if operation.done || len(j.missing(operation)) > 0 {
				continue
			}
			if j.stopped() {
				return
			}
			j.do(ctx, operation)
			progress = true
		}
		if !progress && !j.breakCircle(ctx) {
			return
		}
	}
}

func (j *bulkJob) stopped() bool { return j.limit > 0 && j.failures >= j.limit }

// missing are the operations that must be done before this one.
func (j *bulkJob) missing(operation *bulkOperation) []*bulkOperation {
	var missing []*bulkOperation
	for id := range references(operation) {
		if post, ok := j.posts[id]; ok && !post.done && post != operation {
			missing = append(missing, post)
		}
	}
	return missing
}

// references are the bulkIds that an operation names, in its path or in its data.
func references(operation *bulkOperation) map[string]bool {
	if operation.refers != nil {
		return operation.refers
	}
	found := make(map[string]bool)
	operation.refers = found
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			if id, ok := strings.CutPrefix(v, bulkPrefix); ok {
				found[id] = true
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case schema.Object:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(operation.data)
	for segment := range strings.SplitSeq(operation.path, "/") {
		walk(segment)
	}
	return found
}

// breakCircle does the first operation that waits, without the members that are missing, and then adds them one by one as
// they come. It is false when nothing waits, or when failOnErrors was reached.
func (j *bulkJob) breakCircle(ctx context.Context) bool {
	at := slices.IndexFunc(j.operations, func(operation *bulkOperation) bool { return !operation.done })
	if at < 0 || j.stopped() {
		return false
	}
	first := j.operations[at]
	missing := j.missing(first)
	data, isObject := first.data.(schema.Object)
	if !isObject || first.method != "POST" || !isGroups(first.path) {
		j.do(ctx, first) // it cannot be split: what it refers to is not there, and it says so
		return true
	}
	late := withoutMembers(data, missing)
	j.do(ctx, first)
	if first.fault != nil || len(late) == 0 {
		return true
	}
	j.operations = slices.Insert(j.operations, at+1, &bulkOperation{
		of: first, method: "PATCH", path: Groups.endpoint() + "/" + string(first.id),
		data: schema.Object{
			"schemas":    []any{patch.URN},
			"Operations": []any{schema.Object{"op": "add", "path": "members", "value": late}},
		},
	})
	return true
}

// withoutMembers takes the members that refer to missing operations out of a group's data, and gives them.
func withoutMembers(data schema.Object, missing []*bulkOperation) []any {
	var late []any
	for key, v := range data {
		list, ok := v.([]any)
		if !ok || !strings.EqualFold(key, "members") {
			continue
		}
		kept := make([]any, 0, len(list))
		for _, item := range list {
			member, _ := item.(schema.Object)
			reference, _ := get(member, "value").(string)
			id, refers := strings.CutPrefix(reference, bulkPrefix)
			if refers && slices.ContainsFunc(missing, func(post *bulkOperation) bool { return post.bulkID == id }) {
				late = append(late, item)
			} else {
				kept = append(kept, item)
			}
		}
		data[key] = kept
	}
	return late
}

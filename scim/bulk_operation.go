package scim

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"domicile/directory"
	"domicile/scim/schema"
)

// do performs one operation whose references are all settled, and notes what became of it.
func (j *bulkJob) do(ctx context.Context, operation *bulkOperation) {
	operation.done = true
	response, err := j.perform(ctx, operation)
	response.Release()
	target := operation
	if operation.of != nil {
		target = operation.of
	}
	if err != nil {
		if operation.of != nil { // half a group must not stay behind a failure
			r := j.begin(j.Actor, directory.SyncDelete, opDelete, Groups)
			_, undo := r.delete(context.WithoutCancel(ctx), string(target.id), Conditions{})
			err = errors.Join(err, undo)
		}
		target.fault = FaultOf(err)
		target.status = target.fault.Status
		if target.method == "POST" {
			target.location = ""
		}
		j.failures++
		return
	}
	target.etag = response.ETag
	if operation.of != nil {
		return
	}
	target.status, target.location = response.Status, response.Location
	if operation.method == "POST" {
		// A create may have brought back somebody who was there before.
		operation.id = directory.ResourceID(response.Location[strings.LastIndexByte(response.Location, '/')+1:])
	}
}

// syncMethods are the methods that an operation can have.
var syncMethods = map[string]directory.SyncMethod{
	"POST": directory.SyncPost, "PUT": directory.SyncPut, "PATCH": directory.SyncPatch, "DELETE": directory.SyncDelete,
}

// perform does an operation as a request of its own, which the sync log tells of by itself.
func (j *bulkJob) perform(ctx context.Context, operation *bulkOperation) (answer Response, err error) {
	r := j.begin(j.Actor, syncMethods[operation.method], opBulk, kinds)
	defer func() {
		j.courtesies.Add(r.courtesies)
		if err != nil {
			r.fail(err)
		}
	}()
	r.body = content{value: operation.data, decoded: true}
	path, err := j.resolveText(operation.path)
	if err != nil {
		return Response{}, err
	}
	kind, id, err := splitPath(path)
	if err != nil {
		return Response{}, err
	}
	r.kind, r.id = kind, id
	if r.body.value, err = j.resolve(operation.data); err != nil {
		return Response{}, err
	}
	if (operation.method == "POST") == (id != "") {
		return Response{}, &Fault{Status: statusMethodNotAllowed, Detail: operation.method + " is not possible on " + schema.Quote(path)}
	}
	if id != "" && operation.of == nil {
		operation.location = j.Base(j.Organization) + kind.endpoint() + "/" + id
	}
	conditions := Conditions{IfMatch: operation.version}
	switch operation.method {
	case "POST":
		if operation.bulkID == "" {
			return Response{}, badRequest(schema.InvalidSyntax, "POST in a bulk request needs a bulkId")
		}
		return r.create(ctx, operation.id, &Query{})
	case "PUT":
		return r.replace(ctx, id, &Query{}, conditions)
	case "PATCH":
		return r.patch(ctx, id, &Query{}, conditions)
	case "DELETE":
		return r.delete(ctx, id, conditions)
	}
	return Response{}, badRequest(schema.InvalidSyntax, "method must be POST, PUT, PATCH or DELETE, not %s", schema.Quote(operation.method))
}

// resolve replaces the references to created resources by their ids, wherever they stand.
func (j *bulkJob) resolve(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, bulkPrefix) {
			return j.resolveText(v)
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			if list[i], err = j.resolve(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case schema.Object:
		o := make(schema.Object, len(v))
		for key := range v {
			if o[key], err = j.resolve(v[key]); err != nil {
				return nil, err
			}
		}
		return o, nil
	}
	return v, nil
}

// resolveText replaces a reference, which may be a segment of a path. One that leads nowhere is a conflict (RFC 7644
// §3.7.1).
func (j *bulkJob) resolveText(text string) (string, error) {
	if !strings.Contains(text, bulkPrefix) {
		return text, nil
	}
	segments := strings.Split(text, "/")
	for i, segment := range segments {
		id, refers := strings.CutPrefix(segment, bulkPrefix)
		if !refers {
			continue
		}
		post, known := j.posts[id]
		if !known || post.fault != nil || !post.done {
			return "", &Fault{Status: statusConflict, Detail: "the bulkId " + schema.Quote(id) + " stands for nothing that was created"}
		}
		segments[i] = string(post.id)
	}
	return strings.Join(segments, "/"), nil
}

// splitPath reads /Users, /Users/{id}, /Groups or /Groups/{id}.
func splitPath(path string) (kind Kind, id string, err error) {
	endpoint, id, _ := strings.Cut(strings.Trim(path, "/"), "/")
	for kind := range kinds {
		if strings.EqualFold("/"+endpoint, kind.endpoint()) {
			return kind, id, nil
		}
	}
	return kinds, "", &Fault{Status: statusNotFound, Detail: "there is no endpoint " + schema.Quote(path)}
}

// answer writes the results of what was done, in the order of the request (RFC 7644 §3.7.3).
func (j *bulkJob) answer() []byte {
	out := []byte(`{"schemas":["` + BulkResponseURN + `"],"Operations":[`)
	first := true
	for _, operation := range j.operations {
		if !operation.done || operation.of != nil {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = operation.append(out)
	}
	return append(out, ']', '}')
}

func (o *bulkOperation) append(out []byte) []byte {
	member := func(name, value string) {
		if value == "" {
			return
		}
		out = append(out, ',', '"')
		out = append(out, name...)
		out = append(out, '"', ':')
		out = schema.AppendString(out, value)
	}
	out = append(out, `{"method":`...)
	out = schema.AppendString(out, o.method)
	member("bulkId", o.bulkID)
	member("location", o.location)
	if o.fault == nil {
		member("version", o.etag)
	}
	member("status", strconv.Itoa(o.status))
	if o.fault != nil {
		out = append(out, `,"response":`...)
		out = o.fault.append(out)
	}
	return append(out, '}')
}

func isGroups(path string) bool {
	kind, _, err := splitPath(path)
	return err == nil && kind == Groups
}

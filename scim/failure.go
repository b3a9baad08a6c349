package scim

import (
	"encoding/json"
	"strings"

	"domicile/directory"
	"domicile/scim/schema"
)

// fail tells the sync log of a request that was refused or went wrong. What says nothing about the request, and what
// identity providers ask to find out, is left out.
func (r *request) fail(err error) {
	if r.Recorder == nil {
		return
	}
	fault := FaultOf(err)
	switch fault.Status {
	case statusUnauthorized, statusTooMany, statusUnavailable:
		return
	case statusNotFound:
		if r.note.Method == directory.SyncGet {
			return
		}
	}
	r.Recorder.Fail(r.Organization, r.failure(fault))
}

// failure is the row of a fault. Nothing of it may hold the value of an attribute that is never shown.
func (r *request) failure(fault *Fault) directory.SyncRow {
	t := r.known
	if t == nil {
		t = r.workshop.types.standard
	}
	row := directory.SyncRow{
		At: r.now(), Actor: r.actorName(), Resource: r.kind.String(), ID: directory.ResourceID(r.id), Name: r.name,
		Status: fault.Status, ScimType: fault.ScimType, Detail: t.withoutSecret(fault.Detail), SyncNote: r.note,
	}
	for _, c := range r.courtesies {
		row.Courtesies = appendNew(row.Courtesies, c.Name())
	}
	if r.note.Method == directory.SyncGet && t.secret(r.note.Operations) {
		row.Operations = ""
	}
	row.Changes = nil // nothing changed
	body := r.body.small()
	if o, ok := body.(schema.Object); ok && row.Name == "" && r.kind < kinds {
		row.Name, _ = get(o, nameOf(r.kind)).(string)
	}
	row.Document = t.redacted(body)
	return row
}

// withoutSecret leaves out what a text quotes, if it speaks of a secret.
func (t *types) withoutSecret(text string) string {
	from, to := strings.IndexByte(text, '"'), strings.LastIndexByte(text, '"')
	if from < 0 || to == from || !t.secret(text) {
		return text
	}
	return text[:from] + `"…"` + text[to+1:]
}

// maxRedacted bounds what is looked at to keep the body of a failure; what is larger would not be kept either.
const maxRedacted = 2 * directory.MaxSyncDocument

// small gives the body as a JSON value, or nil if it is none or too large to be kept.
func (c content) small() any {
	if c.decoded {
		return c.value
	}
	if len(c.raw) == 0 || len(c.raw) > maxRedacted {
		return nil
	}
	v, err := schema.DecodeJSON(c.raw)
	if err != nil {
		return nil
	}
	return v
}

// redacted gives a body for the sync log: JSON without the values of attributes that are never shown, or nothing.
func (t *types) redacted(v any) string {
	if v == nil {
		return ""
	}
	text, err := json.Marshal(t.redact(v))
	if err != nil || len(text) > directory.MaxSyncDocument {
		return ""
	}
	return string(text)
}

// redaction stands where a secret was.
const redaction = "(not kept)"

// redact gives a JSON value in which the values of secrets are replaced: under their names in any form, as the value of a
// PATCH operation on them, and in JSON within a text.
func (t *types) redact(v any) any {
	switch v := v.(type) {
	case schema.Object:
		path, _ := get(v, "path").(string)
		out := make(schema.Object, len(v))
		for key, value := range v {
			if t.secret(key) || strings.EqualFold(key, "value") && t.secret(path) {
				out[key] = redaction
			} else {
				out[key] = t.redact(value)
			}
		}
		return out
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = t.redact(v[i])
		}
		return list
	case string:
		if strings.ContainsAny(v, `{["`) && t.secret(v) {
			return redaction
		}
	}
	return v
}

// Refused notes that HTTP itself refused a request of an actor before it came to an operation, and gives the error back.
// path is what follows the base URL, such as /Users/1.
func (e *Engine) Refused(a Actor, method, path string, err error) error {
	m, known := directory.ParseSyncMethod(method)
	if !known {
		m = directory.SyncGet // HEAD
	}
	kind, id, pathErr := splitPath(path)
	if pathErr != nil {
		kind, id = kinds, ""
	}
	if id == searchPath {
		m, id = directory.SyncGet, ""
	}
	r := e.begin(a, m, "", kind)
	r.id = id
	r.fail(err)
	return err
}

// searchPath is the last segment of POST /.search (RFC 7644 §3.4.3).
const searchPath = ".search"

package jobs

import (
	"cmp"
	"fmt"
	"strings"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/jobs/post"
)

// maxToldRows bounds the failures that a mail shows; it counts them all.
const maxToldRows = 10

// failureLetter is the mail about the failures that an organization's owners do not know of.
func failureLetter(d *state.Directory, region directory.Region) post.Letter {
	org, counts := d.Organization(), d.SyncCounts()
	untold := counts.Failures - counts.Notified
	rows := newestFailures(d, untold)
	var text strings.Builder
	fmt.Fprintf(&text, "Your identity provider's directory sync of %s asked for something that was refused.\n", org.Name)
	fmt.Fprintf(&text, "%s that you have not heard of yet", countOf(untold))
	switch shown := uint64(len(rows)); {
	case shown == 0:
		text.WriteString("; the sync log, which is bounded, has no more of them.\n")
	case shown < untold:
		fmt.Fprintf(&text, "; the newest %d:\n", shown)
	default:
		text.WriteString(":\n")
	}
	for _, row := range rows {
		writeFailure(&text, row)
	}
	fmt.Fprintf(&text, "\nThe sync log has each request as it came, and can try it again without writing anything:\n"+
		"    GET %s/api/v1/organizations/%s/sync-log?outcome=failed\n\n"+
		"You get at most one mail an hour about this.\n", addressOf(region), org.ID)
	return post.Letter{
		ID:      fmt.Sprintf("sync-failures.%s.%d", org.ID, counts.Failures),
		To:      org.RootEmail,
		Subject: fmt.Sprintf("Directory sync of %s: %s", org.Name, countOf(untold)),
		Text:    text.String(),
	}
}

func countOf(failures uint64) string {
	if failures == 1 {
		return "1 request failed"
	}
	return fmt.Sprintf("%d requests failed", failures)
}

// newestFailures gives the newest of the failures that were not told of, newest first.
func newestFailures(d *state.Directory, untold uint64) []*directory.SyncRow {
	var rows []*directory.SyncRow
	for row := range d.SyncLog() {
		if uint64(len(rows)) == min(untold, maxToldRows) {
			break
		}
		if row.Failed() {
			rows = append(rows, row)
		}
	}
	return rows
}

func writeFailure(text *strings.Builder, row *directory.SyncRow) {
	fmt.Fprintf(text, "\n%s  %s\n", instant(row.At).Format(moment), titleOf(row))
	fmt.Fprintf(text, "    What went wrong: %s\n", cmp.Or(row.Detail, "the request was refused"))
	fmt.Fprintf(text, "    What to do: %s\n", adviceFor(row))
	fmt.Fprintf(text, "    Status %d", row.Status)
	if row.ScimType != "" {
		fmt.Fprintf(text, " (%s)", row.ScimType)
	}
	if row.Request != "" {
		fmt.Fprintf(text, ", request %s", row.Request)
	}
	text.WriteByte('\n')
}

// titleOf says what a request wanted: "PATCH of user rosa@acme.example".
func titleOf(row *directory.SyncRow) string {
	title := cmp.Or(row.Method.String(), "request")
	if row.Resource == "" {
		return title
	}
	title += " of " + strings.ToLower(row.Resource)
	if who := cmp.Or(row.Name, string(row.ID)); who != "" {
		title += " " + who
	}
	return title
}

// advice says what an owner can do about a kind of failure. Empty or zero columns fit all.
type advice struct {
	status   int
	scimType string // RFC 7644 §3.12, Table 9
	text     string
}

// advices are looked at from the top; the first that fits is given.
var advices = [...]advice{
	{409, "", "somebody else in this organization has the same name. Look for a duplicate in the identity provider; a user who " +
		"was made by hand can be handed over to it (convert)."},
	{400, "uniqueness", "another resource has the same value. Look for a duplicate in the identity provider."},
	{400, "invalidValue", "correct the value at the person or group in the identity provider, or the attribute mapping that makes it."},
	{400, "invalidPath", "the attribute mapping names an attribute that there is not. Remove or correct it in the identity provider."},
	{400, "noTarget", "the request changes a value that is not there. Restart the full sync in the identity provider."},
	{400, "mutability", "the attribute mapping writes an attribute that must not change. Remove it from the mapping."},
	{400, "invalidFilter", "the identity provider looks for people by an attribute that cannot be searched. Match by userName or externalId."},
	{400, "tooMany", "the identity provider asks for too much at once. Let it look for people one by one."},
	{403, "", "what was asked for is not allowed to this connection. Ask whoever runs the service, and name the request."},
	{404, "", "the identity provider changes somebody who is not here any more. Restart the full sync there, so that it learns who is."},
	{412, "", "somebody changed the same resource at the same time. Most identity providers try again by themselves."},
	{413, "", "the request was too large. Split the group, or have the identity provider send its members in parts."},
	{501, "", "the identity provider asks for something that is not offered. Turn that feature off there."},
	{400, "", "the identity provider sent something that is not understood. The sync log shows what; report it to its vendor or to us."},
}

// ourFault is what to do about what went wrong on our side.
const ourFault = "nothing: the fault is on our side, and identity providers try again by themselves. If it stays, tell whoever " +
	"runs the service the request."

func adviceFor(row *directory.SyncRow) string {
	for _, a := range advices {
		if a.status == row.Status && (a.scimType == "" || a.scimType == row.ScimType) {
			return a.text
		}
	}
	if row.Status >= 500 {
		return ourFault
	}
	return "the sync log tells more."
}

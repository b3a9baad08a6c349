package conformance

import "strings"

// sections says which sections of the RFCs a conversation is about. A conversation counts for each of its sections.
var sections = map[string][]string{
	"auth0-01-event-stream":               {search, create, replace},
	"authentik-01-full-sync":              {discovery, patchGroups, replace},
	"entra-01-test-connection":            {search, errors},
	"entra-02-create-default-mapping":     {create, filters},
	"entra-03-patch-default-behaviour":    {patchUsers},
	"entra-04-patch-aadOptscim062020":     {patchUsers},
	"entra-06-group-lifecycle":            {patchGroups, projection},
	"entra-08-soft-then-hard-delete":      {patchUsers, remove},
	"entra-10-scim-validator":             {create, patchUsers, patchGroups, remove},
	"entra-12-null-and-partial-complex":   {patchUsers, "RFC 7643 §2.5 unassigned and null"},
	"google-01-catalog-app":               {create, patchUsers},
	"interop-01-filtered-path-upsert":     {patchUsers},
	"interop-02-restore-inactive":         {create},
	"interop-03-missing-schemas":          {create, replace, patchUsers, "RFC 7644 §3.4.3 POST .search"},
	"interop-04-extra-members":            {patchUsers},
	"interop-05-put-keeps-external-id":    {replace},
	"interop-06-loose-values":             {create, patchUsers, "RFC 7643 §2.3 data types"},
	"jumpcloud-01-test-connection":        {create, patchUsers, patchGroups, remove},
	"jumpcloud-02-per-attribute-patch":    {patchUsers},
	"okta-01-spec-test":                   {create, search, errors},
	"okta-02-create-with-password":        {create, "RFC 7643 §7 returned, mutability"},
	"okta-04-oin-patch-active":            {patchUsers},
	"okta-05-group-push-oin":              {patchGroups},
	"okta-07-import-paging":               {paging},
	"okta-09-username-change-by-recreate": {create, patchUsers},
	"onelogin-01-connect-and-create":      {create, search},
	"onelogin-03-groups":                  {patchGroups},
	"rfc-01-filter-operators":             {filters},
	"rfc-03-case-exactness":               {filters, "RFC 7643 §2.2 case exactness"},
	"rfc-04-value-path-filters":           {filters},
	"rfc-05-filter-meta-dates":            {filters, "RFC 7643 §3.1 common attributes"},
	"rfc-06-invalid-filters":              {filters, errors},
	"rfc-08-attributes-projection":        {projection},
	"rfc-09-excluded-attributes":          {projection},
	"rfc-10-never-returned":               {"RFC 7643 §7 returned, mutability"},
	"rfc-11-index-pagination-edges":       {paging},
	"rfc-12-sorting":                      {"RFC 7644 §3.4.2.3 sorting"},
	"rfc-13-post-search":                  {"RFC 7644 §3.4.3 POST .search"},
	"rfc-14-cursor-pagination":            {"RFC 9865 cursors"},
	"rfc-15-etags":                        {"RFC 7644 §3.14 versions"},
	"rfc-16-noop-patch":                   {patchUsers, "RFC 7644 §3.14 versions"},
	"rfc-18-patch-error-types":            {patchUsers, errors},
	"rfc-19-primary-exclusive":            {patchUsers, "RFC 7643 §2.4 multi-valued attributes"},
	"rfc-21-valuepath-strict":             {patchUsers},
	"rfc-22-readonly-handling":            {"RFC 7643 §7 returned, mutability", replace},
	"rfc-24-put-semantics":                {replace},
	"rfc-25-uniqueness":                   {create, errors},
	"rfc-26-bad-bodies":                   {create, errors},
	"rfc-27-bulk-bulkid":                  {bulk},
	"rfc-29-bulk-errors":                  {bulk, errors},
	"rfc-30-bulk-limits":                  {bulk},
	"rfc-31-discovery":                    {discovery, "RFC 7643 §5–7 discovery documents"},
	"rfc-33-me":                           {"RFC 7644 §3.11 /Me"},
	"rfc-34-delete":                       {remove},
	"rfc-37-media-types":                  {"RFC 7644 §3.8 media types"},
	"rfc-38-authentication":               {"RFC 7644 §2 authentication", errors},
	"rfc-39-create-response":              {create, "RFC 7643 §3.1 common attributes"},
	"rfc-40-unknown-attributes":           {create, "RFC 7643 §2.1 attribute names"},
}

// The sections that many conversations are about.
const (
	create      = "RFC 7644 §3.3 create"
	search      = "RFC 7644 §3.4.2 query"
	filters     = "RFC 7644 §3.4.2.2 filters"
	paging      = "RFC 7644 §3.4.2.4 index paging"
	replace     = "RFC 7644 §3.5.1 replace"
	patchUsers  = "RFC 7644 §3.5.2 PATCH, users"
	patchGroups = "RFC 7644 §3.5.2 PATCH, groups"
	remove      = "RFC 7644 §3.6 delete"
	bulk        = "RFC 7644 §3.7 bulk"
	projection  = "RFC 7644 §3.9 attributes"
	errors      = "RFC 7644 §3.12 errors"
	discovery   = "RFC 7644 §4 discovery"
)

// sectionsOf gives the sections of a conversation. One that the table does not know, because it came from elsewhere, is
// shown under its provider's name, so that the table of sections is still one of all conversations.
func sectionsOf(id string) []string {
	if known, ok := sections[id]; ok {
		return known
	}
	provider, _, _ := strings.Cut(id, "-")
	return []string{"other, " + provider}
}

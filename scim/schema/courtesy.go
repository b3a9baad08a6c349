package schema

// Courtesy records one deviation that was tolerated, so that the console can
// show an administrator what the identity provider really sent.
type Courtesy struct {
	// Name is one of the Courtesy constants.
	Name string
	// Path is where it happened, in the form of RFC 7644 §3.10 or the name the
	// client sent; cut to a bounded length.
	Path string
}

// The names of courtesies. Most are called like the Dialect field that grants
// them.
const (
	CourtesyMissingSchemas    = "missingSchemas"
	CourtesyForeignSchemas    = "foreignSchemas"
	CourtesyTextForBoolean    = "textForBoolean"
	CourtesyNumberForText     = "numberForText"
	CourtesySingleForList     = "singleForList"
	CourtesyListForSingle     = "listForSingle"
	CourtesyObjectForText     = "objectForText"
	CourtesyTextForObject     = "textForObject"
	CourtesyJSONText          = "jsonText"
	CourtesyRootExtensionName = "rootExtensionName"
	CourtesyOperationCase     = "operationCase"
	CourtesyExtraMember       = "extraMember"
	CourtesyQualifiedKey      = "qualifiedKey"
	CourtesyUpsert            = "upsert"
	CourtesyRemoveByValue     = "removeByValue"
	CourtesyUnknownAttribute  = "unknownAttribute"
	CourtesyDuplicateValue    = "duplicateValue"
)

var courtesyTexts = map[string]string{
	CourtesyMissingSchemas:    "the body had no schemas; they were taken from the endpoint",
	CourtesyForeignSchemas:    "schemas named something else; it was ignored",
	CourtesyTextForBoolean:    "text was read as a boolean",
	CourtesyNumberForText:     "a number was read as text, or text as a number",
	CourtesySingleForList:     "a lone value was read as a list of one",
	CourtesyListForSingle:     "a list of one was read as its value",
	CourtesyObjectForText:     "an object was read as its value",
	CourtesyTextForObject:     "a lone value was read as an object",
	CourtesyJSONText:          "JSON text within a string was read as what it says",
	CourtesyRootExtensionName: "an extension's attribute stood at the root of the body",
	CourtesyOperationCase:     "a word of the PATCH document had another letter case",
	CourtesyExtraMember:       "a member of the PATCH document was ignored",
	CourtesyQualifiedKey:      "a qualified name was read as a path",
	CourtesyUpsert:            "no value matched the filter, so one was created",
	CourtesyRemoveByValue:     "remove with a value removed only that value",
	CourtesyUnknownAttribute:  "an unknown attribute was ignored",
	CourtesyDuplicateValue:    "a repeated value was dropped",
}

// Explain gives a sentence for people, without the path.
func (c Courtesy) Explain() string { return courtesyTexts[c.Name] }

// maxCourtesies bounds how many are kept of one request: they explain, they are
// not a log.
const maxCourtesies = 32

// Courtesies collects what was tolerated in one request. The zero value is
// ready to use.
type Courtesies []Courtesy

// Note adds a courtesy unless it is there already or there are too many.
func (c *Courtesies) Note(name, path string) {
	if len(*c) >= maxCourtesies {
		return
	}
	entry := Courtesy{Name: name, Path: clip(path)}
	for _, have := range *c {
		if have == entry {
			return
		}
	}
	*c = append(*c, entry)
}

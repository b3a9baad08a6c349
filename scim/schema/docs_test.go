package schema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"domicile/scim/schema"
)

// The reference has the table of tolerances as it is, to the letter.
func TestDocs_courtesies(t *testing.T) {
	want := "| courtesy | what was sent, and how it was read | who needs it | shown by | conversations | profiles |\n" +
		"|---|---|---|---|---|---|\n"
	for i, row := range schema.Tolerances() {
		want += "| `" + row.Name + "` | " + row.Tolerated + " | " + row.Needs + " | " + row.Shown + " | " +
			strings.Join(row.Fixtures, ", ") + " | " + profilesWith(schema.Tolerance(i)) + " |\n"
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "scim.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "\n\n"+want+"\n") {
		t.Errorf("docs/scim.md has another table of courtesies; put this there:\n%s", want)
	}
}

// profilesWith names the profiles that have a tolerance.
func profilesWith(t schema.Tolerance) string {
	var names []string
	for _, profile := range []struct {
		name    string
		dialect schema.Dialect
	}{{"interop", schema.Interop()}, {"entra", schema.Entra()}, {"strict", schema.Strict()}} {
		if profile.dialect.Allows(t) {
			names = append(names, profile.name)
		}
	}
	if len(names) == 3 {
		return "all"
	}
	return strings.Join(names, ", ")
}

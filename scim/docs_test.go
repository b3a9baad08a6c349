package scim_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"domicile/directory"
	"domicile/scim"
)

// The reference shows the ServiceProviderConfig that the engine serves, to the letter.
func TestDocs_serviceProviderConfig(t *testing.T) {
	const org = "0d4c1e1c-5a5e-4a53-9f0d-8f1c2c6a7b10" // of the reference's examples
	engine := scim.New(scim.Deps{Region: directory.Region{ID: "us", URL: "https://us.domicile.example"}})
	served, err := engine.ServiceProviderConfig(org, scim.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Indent(&want, served.Body, "", "  "); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "scim.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(page), "\n## ServiceProviderConfig as served\n")
	_, block, _ := strings.Cut(after, "```json\n")
	block, _, found := strings.Cut(block, "\n```\n")
	if !found || block != want.String() {
		t.Errorf("docs/scim.md shows another ServiceProviderConfig than is served; put this there:\n%s", want.String())
	}
}

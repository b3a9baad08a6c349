package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"domicile/scim/schema"
	"domicile/scim/simulate"
)

// guides are the pages about identity providers and the SCIM reference, by path.
func guides(t *testing.T) map[string]string {
	t.Helper()
	docs := filepath.Join("..", "..", "docs")
	paths, err := filepath.Glob(filepath.Join(docs, "idp", "*.md"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no pages about identity providers: %v", err)
	}
	pages := map[string]string{}
	for _, path := range append(paths, filepath.Join(docs, "scim.md"), filepath.Join(docs, "owners.md"), filepath.Join(docs, "sign-in.md"),
		filepath.Join(docs, "passkeys.md"), filepath.Join(docs, "applications.md"), filepath.Join(docs, "operations.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[path] = string(text)
	}
	return pages
}

// Every link of the guides leads to a page, and to a heading of it; every page about an identity provider is in the index.
func TestDocs_links(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)
	pages := guides(t)
	var listed []string
	for path, text := range pages {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			target, anchor := path, found[2]
			if found[1] != "" {
				target = filepath.Join(filepath.Dir(path), found[1])
			}
			linked, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s names a page that is not there: %v", path, err)
			} else if anchor != "" && !slices.Contains(anchors(string(linked)), anchor) {
				t.Errorf("%s: %s has no heading #%s", path, target, anchor)
			}
			if filepath.Base(path) == "README.md" {
				listed = append(listed, target)
			}
		}
	}
	for path := range pages {
		if filepath.Base(filepath.Dir(path)) == "idp" && filepath.Base(path) != "README.md" && !slices.Contains(listed, path) {
			t.Errorf("docs/idp/README.md does not name %s", path)
		}
	}
}

// anchors are the headings of a page as links spell them.
func anchors(page string) []string {
	dropped := regexp.MustCompile(`[^a-z0-9 _-]`)
	var all []string
	for line := range strings.Lines(page) {
		if title, isHeading := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); isHeading && strings.HasPrefix(line, "#") {
			all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-"))
		}
	}
	return all
}

// Every command line of the guides is one that the binary knows.
func TestDocs_commands(t *testing.T) {
	for path, text := range guides(t) {
		text = strings.ReplaceAll(text, "\\\n", "")
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, "domicile ") {
				continue
			}
			words := strings.Fields(line)[1:]
			cmd, rest, err := newRootCommand().Find(words)
			if err != nil || !cmd.Runnable() {
				t.Errorf("%s: there is no command for %q (%v)", path, line, err)
			} else if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", path, line, err)
			}
		}
	}
}

// Every dialect that the guides name is one that the simulator speaks; the index names some for each provider.
func TestDocs_dialects(t *testing.T) {
	inText, inIndex := regexp.MustCompile("domicile simulate ([a-z0-9][a-z0-9-]*)"), regexp.MustCompile("`([a-z0-9-]+)`")
	for path, text := range guides(t) {
		named := inText.FindAllStringSubmatch(text, -1)
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "| [") {
				continue // no row of the index
			}
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			spoken := inIndex.FindAllStringSubmatch(cells[len(cells)-1], -1)
			if len(spoken) == 0 {
				t.Errorf("%s names no dialect for %s", path, cells[0])
			}
			named = append(named, spoken...)
		}
		for _, found := range named {
			if _, ok := simulate.Find(found[1]); !ok {
				t.Errorf("%s names the dialect %q, which the simulator does not speak", path, found[1])
			}
		}
	}
}

// Every courtesy that the guides name, in the last cell of a table that ends with such a column, is one that there is.
func TestDocs_courtesies(t *testing.T) {
	name := regexp.MustCompile("`([A-Za-z]+)`")
	for path, text := range guides(t) {
		inTable := false
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			last := line[strings.LastIndex(strings.TrimSuffix(line, "|"), "|")+1:]
			switch {
			case !strings.HasPrefix(line, "|"):
				inTable = false
			case strings.TrimSpace(strings.TrimSuffix(last, "|")) == "courtesy":
				inTable = true
			case inTable:
				for _, found := range name.FindAllStringSubmatch(last, -1) {
					if _, ok := schema.ToleranceNamed(found[1]); !ok {
						t.Errorf("%s names the courtesy %q, which there is not", path, found[1])
					}
				}
			}
		}
	}
}

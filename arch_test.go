// Package domicile_test holds the laws of the house (DESIGN.md) as a test: who may import whom, which library lives in which
// room, what deterministic code must not do, and how large a file may grow. It parses and builds nothing.
package domicile_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "domicile"

// everything and the suffix "/..." are patterns of rooms, as the go command has them; "scim/..." does not include scim.
const everything = "..."

// doorway is what every door may use besides its own sub-rooms: the vocabulary, the views and the tools, but no other door,
// no cluster, and not the root of fsm.
var doorway = []string{"directory", "fsm/command", "fsm/state", "seal", "egress", "telemetry"}

// rooms is the import table of DESIGN.md: what the files of a room, tests apart, may import of the house. A room without a
// row takes the row of the room above it.
var rooms = map[string][]string{
	"seal":          {},
	"egress":        {},
	"telemetry":     {},
	"scim/schema":   {},
	"console/ui":    {},
	"oidc/oidctest": {},
	"fsm/wire":      {},

	"directory":   {"seal"},
	"scim/filter": {"scim/schema"},

	"fsm/command": {"directory", "seal", "fsm/wire"},
	"fsm/state":   {"directory", "seal", "fsm/wire"},
	"scim/patch":  {"scim/schema", "scim/filter"},

	"fsm":           {"fsm/command", "fsm/state", "fsm/wire", "directory", "seal"},
	"scim":          append([]string{"scim/..."}, doorway...),
	"scim/oauth":    append([]string{"scim/oauth/..."}, doorway...),
	"scim/simulate": {"scim/schema", "scim/filter", "scim/patch", "seal", "egress", "telemetry"},
	"oidc":          append([]string{"oidc/..."}, doorway...),
	"apps":          append([]string{"apps/..."}, doorway...),
	"console":       append([]string{"console/...", "scim/schema"}, doorway...), // the shape of what it hands over to the IdP
	"jobs":          append([]string{"jobs/..."}, doorway...),

	"cluster/storage": {"fsm", "fsm/command", "fsm/state", "fsm/wire", "directory", "seal", "telemetry"},
	"cluster": {
		"cluster/storage", "fsm", "fsm/command", "fsm/state", "fsm/wire", "directory", "seal", "telemetry",
	},
	"httpapi": {
		"httpapi/...", "scim", "scim/schema", "scim/oauth", "oidc", "oidc/local", "apps", "console", "console/ui", "directory", "telemetry",
		"seal",
	},
	"httpapi/admin": {
		"httpapi/openapi", "scim", "scim/schema", "scim/oauth", "oidc", "oidc/local", "apps", "console", "directory", "telemetry", "seal",
	},
	"httpapi/openapi": {"directory"},

	"cmd":             {everything},
	"test":            {everything},
	"deploy/examples": {}, // they know the product by its protocols only
}

// A test room (scim/scimtest, oidc/oidctest, …) is imported only by tests, by other test rooms, and by the development mode.
// Like the black-box suites under test, it may itself import what it needs, where it has no row above.
func isTestRoom(room string) bool {
	return strings.HasSuffix(path.Base(room), "test") || within(room, "test")
}

const developmentMode = "cmd/domicile/dev"

// libraries says in which rooms a library lives, and why it stays there. Tests and test rooms may use any.
var libraries = []struct {
	name   string
	rooms  []string
	reason string
}{
	{"github.com/gin-gonic/gin", []string{"httpapi", "httpapi/..."}, "only the hallway knows HTTP routing"},
	{"github.com/hashicorp/raft", []string{"fsm", "cluster", "cluster/storage"}, "raft stays behind the Proposer"},
	{"github.com/hashicorp/raft-boltdb", []string{"cluster/storage"}, "one room knows the files of the log"},
	{"go.etcd.io/bbolt", []string{"cluster/storage"}, "one room knows the files of the log"},
	{"github.com/go-webauthn/webauthn", []string{"oidc/local"}, "one room handles passkeys"},
	{"github.com/coreos/go-oidc", []string{"oidc", "deploy/examples/..."}, "one room checks ID tokens; the sample is a stock client"},
	{"golang.org/x/oauth2", []string{"oidc", "deploy/examples/..."}, "one room speaks to providers; the sample is a stock client"},
	{"github.com/go-jose/go-jose", []string{"oidc", "apps"}, "one room handles signatures of others, one makes ours"},
	{"crypto/aes", []string{"seal"}, "secrets are sealed in one room"},
	{"crypto/cipher", []string{"seal"}, "secrets are sealed in one room"},
	{"crypto/rand", []string{"seal"}, "seal is the only source of randomness"},
	{"math/rand", []string{"seal", "telemetry"}, "seal is the only source of randomness; only sampling and trace ids are worth less"},
	{"go.opentelemetry.io/otel/sdk", []string{"telemetry"}, "the OTel API is for all, its SDK for telemetry"},
	{"go.opentelemetry.io/otel/exporters", []string{"telemetry"}, "the OTel API is for all, its SDK for telemetry"},
	{"github.com/spf13/cobra", []string{"cmd", "cmd/..."}, "command lines are wiring"},
	{"gopkg.in/yaml.v3", []string{"cmd", "cmd/..."}, "configuration files are wiring"},
	{"github.com/emersion/go-smtp", []string{developmentMode, "jobs", "jobs/..."}, "jobs deliver mail"},
	{"github.com/tidwall/btree", []string{"fsm/state"}, "the shape of the memory is one room's secret"},
	{"github.com/chromedp/chromedp", nil, "browsers are for black-box tests"},
}

// deterministic are the rooms of law 2, each with the libraries that it may use besides the standard one.
var deterministic = map[string][]string{
	"directory":   {"golang.org/x/text"},
	"fsm":         {"github.com/hashicorp/raft"},
	"fsm/wire":    {},
	"fsm/command": {},
	"fsm/state":   {"github.com/tidwall/btree"},
}

// impure are packages of the standard library that deterministic rooms do without, sub-packages included. purePackages are
// the exceptions: they only parse.
var (
	impure       = []string{"os", "net", "syscall", "log", "math/rand", "crypto/rand", "runtime", "plugin", "database"}
	purePackages = []string{"net/url", "net/netip"}
	clockCalls   = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}
)

// mapOrder whitelists a range over a map in a deterministic room: the comment says why the order cannot matter.
var mapOrder = regexp.MustCompile(`//\s*any order: \S+`)

// Sizes that keep a file on a few screens and a room in one head.
const (
	maxFileLines     = 800
	maxFunctionLines = 100
	maxPackageLines  = 5000
)

// source is one parsed Go file.
type source struct {
	path  string // from the root, with slashes
	room  string // its directory
	test  bool   // a _test.go file
	lines int
	text  []byte
	tree  *ast.File
}

// house is the parsed tree and where its faults are reported.
type house struct {
	*testing.T
	fset  *token.FileSet
	files []source
}

func TestArchitecture(t *testing.T) {
	h := house{T: t, fset: token.NewFileSet()}
	h.parse()
	for name, law := range map[string]func(house){
		"imports": house.imports, "libraries": house.libraries, "determinism": house.determinism, "map order": house.mapRanges,
		"package comments": house.packageComments, "sizes": house.sizes, "no init, no skip": house.bannedFunctions,
		"texts": house.texts,
	} {
		t.Run(name, func(t *testing.T) { law(house{t, h.fset, h.files}) })
	}
}

// walk visits the regular files of the house, hidden directories build results and other modules apart.
func (h house) walk(visit func(name string)) {
	h.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := len(entry.Name()) > 1 && entry.Name()[0] == '.'
		if entry.IsDir() && (hidden || name == "bin" || isOtherModule(name)) {
			return fs.SkipDir
		}
		if entry.Type().IsRegular() {
			visit(name)
		}
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
}

// isOtherModule tells whether a directory below the root is a module of its own, with laws of its own.
func isOtherModule(name string) bool {
	_, err := os.Stat(path.Join(name, "go.mod"))
	return name != "." && err == nil
}

func (h *house) parse() {
	h.walk(func(name string) {
		if path.Ext(name) != ".go" || strings.Contains(name, "testdata/") {
			return
		}
		text, err := os.ReadFile(name)
		if err != nil {
			h.Fatal(err)
		}
		tree, err := parser.ParseFile(h.fset, name, text, parser.ParseComments)
		if err != nil {
			h.Errorf("%v", err)
			return
		}
		h.files = append(h.files, source{
			path: name, room: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), lines: bytes.Count(text, []byte("\n")),
			text: text, tree: tree,
		})
	})
}

// fault reports a broken law at a place.
func (h house) fault(at ast.Node, format string, args ...any) {
	h.Helper()
	position := h.fset.Position(at.Pos())
	h.Errorf("%s:%d: %s", position.Filename, position.Line, fmt.Sprintf(format, args...))
}

// matches tells whether a room is in a list of rooms and patterns.
func matches(room string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		below, wild := strings.CutSuffix(pattern, "/...")
		return pattern == everything || pattern == room || wild && strings.HasPrefix(room, below+"/")
	})
}

// within tells whether an import path is a package or something below it, major versions included.
func within(imported, name string) bool {
	return imported == name || strings.HasPrefix(imported, name+"/")
}

// row gives what a room may import; a room without a row takes the one above, a test room without a row everything.
func row(room string) ([]string, bool) {
	if _, ok := rooms[room]; !ok && isTestRoom(room) {
		return []string{everything}, true
	}
	for ; room != "."; room = path.Dir(room) {
		if allowed, ok := rooms[room]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func imported(spec *ast.ImportSpec) string {
	name, _ := strconv.Unquote(spec.Path.Value)
	return name
}

// imports checks the table of DESIGN.md.
func (h house) imports() {
	for _, f := range h.files {
		allowed, known := row(f.room)
		if !known && !f.test {
			h.fault(f.tree.Name, "room %s is not on the plan: give it a row in DESIGN.md and here", f.room)
			continue
		}
		for _, spec := range f.tree.Imports {
			target, ours := strings.CutPrefix(imported(spec), module+"/")
			if !ours || target == f.room {
				continue
			}
			if f.test {
				continue
			}
			if isTestRoom(target) && !isTestRoom(f.room) && f.room != developmentMode {
				h.fault(spec, "%s imports %s: test rooms are for tests and the development mode", f.room, target)
			}
			if !matches(target, allowed) {
				h.fault(spec, "%s must not import %s: not in the import table of DESIGN.md", f.room, target)
			}
		}
	}
}

// libraries checks that each library stays in its rooms.
func (h house) libraries() {
	for _, f := range h.files {
		if f.test || isTestRoom(f.room) {
			continue
		}
		for _, spec := range f.tree.Imports {
			for _, library := range libraries {
				if within(imported(spec), library.name) && !matches(f.room, library.rooms) {
					h.fault(spec, "%s must not import %s, which lives in %s: %s",
						f.room, imported(spec), strings.Join(append(library.rooms, "tests"), ", "), library.reason)
				}
			}
		}
	}
}

// determinism checks law 2 by what can be seen without types: imports, clocks, goroutines and floats.
func (h house) determinism() {
	for _, f := range h.files {
		allowed, ok := deterministic[f.room]
		if !ok || f.test {
			continue
		}
		clock := ""
		for _, spec := range f.tree.Imports {
			name := imported(spec)
			if name == "time" {
				clock = "time"
				if spec.Name != nil {
					clock = spec.Name.Name
				}
			}
			h.purity(spec, f.room, name, allowed)
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				h.fault(n, "%s starts a goroutine: two ledgers fed the same log must be equal", f.room)
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && clock != "" && x.Name == clock && slices.Contains(clockCalls, n.Sel.Name) {
					h.fault(n, "%s reads a clock: time is stamped by the leader", f.room)
				}
			case *ast.Ident:
				if n.Name == "float32" || n.Name == "float64" {
					h.fault(n, "%s uses floats: their bytes and sums may differ between nodes", f.room)
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT {
					h.fault(n, "%s uses floats: their bytes and sums may differ between nodes", f.room)
				}
			}
			return true
		})
	}
}

func (h house) purity(spec *ast.ImportSpec, room, name string, allowed []string) {
	if slices.Contains(purePackages, name) || within(name, module) {
		return
	}
	if slices.ContainsFunc(impure, func(p string) bool { return within(name, p) }) {
		h.fault(spec, "%s must not import %s: deterministic rooms do no I/O and draw no randomness", room, name)
	}
	thirdParty := strings.Contains(strings.Split(name, "/")[0], ".")
	if thirdParty && !slices.ContainsFunc(allowed, func(p string) bool { return within(name, p) }) {
		h.fault(spec, "%s must not import %s: a library's change could change what the ledger computes", room, name)
	}
}

// mapRanges finds ranges over maps in deterministic rooms. The rooms are type-checked without the libraries, which gives the
// types of everything that the house declares itself.
func (h house) mapRanges() {
	checker := lenient{house: h, done: make(map[string]*types.Package), info: &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}}
	for _, room := range slices.Sorted(maps.Keys(deterministic)) {
		if _, err := checker.Import(module + "/" + room); err != nil {
			h.Error(err)
		}
	}
	for _, f := range h.files {
		if _, ok := deterministic[f.room]; !ok || f.test {
			continue
		}
		lines := bytes.Split(f.text, []byte("\n"))
		report := func(n ast.Node) {
			if !mapOrder.Match(lines[h.fset.Position(n.Pos()).Line-1]) {
				h.fault(n, "%s goes over a map: its order differs from run to run; sort, or say `// any order: why`", f.room)
			}
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.RangeStmt:
				if isMap(checker.info.TypeOf(n.X)) {
					report(n)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "maps" && slices.Contains([]string{"All", "Keys", "Values"}, n.Sel.Name) {
					report(n)
				}
			}
			return true
		})
	}
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// lenient type-checks rooms of the house and takes every other package for an empty one.
type lenient struct {
	house house
	done  map[string]*types.Package
	info  *types.Info
}

// Import implements types.Importer.
func (l lenient) Import(name string) (*types.Package, error) {
	if p, ok := l.done[name]; ok {
		return p, nil
	}
	room, ours := strings.CutPrefix(name, module+"/")
	var files []*ast.File
	for _, f := range l.house.files {
		if ours && f.room == room && !f.test {
			files = append(files, f.tree)
		}
	}
	p := types.NewPackage(name, path.Base(name))
	if len(files) > 0 {
		config := types.Config{Importer: l, Error: func(error) {}}
		p, _ = config.Check(name, l.house.fset, files, l.info) // what the missing libraries leave unknown is no map of ours
	}
	p.MarkComplete()
	l.done[name] = p
	return p, nil
}

// packageComments wants a doc.go in every room: the room's promise, and what it never does.
func (h house) packageComments() {
	promised := make(map[string]bool)
	first := make(map[string]source)
	for _, f := range h.files {
		if f.test {
			continue
		}
		if _, seen := first[f.room]; !seen {
			first[f.room] = f
		}
		if path.Base(f.path) == "doc.go" {
			promised[f.room] = h.promise(f)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(first)) {
		if !promised[room] {
			h.fault(first[room].tree.Name, "room %s has no doc.go that says what it promises and what it never does", room)
		}
	}
}

func (h house) promise(f source) bool {
	want := "Package " + f.tree.Name.Name + " "
	if f.tree.Name.Name == "main" {
		want = "Command "
	}
	return f.tree.Doc != nil && strings.HasPrefix(f.tree.Doc.Text(), want)
}

func (h house) sizes() {
	rooms := make(map[string]int)
	for _, f := range h.files {
		if f.lines > maxFileLines {
			h.fault(f.tree.Name, "%d lines: a file has at most %d; split it by noun", f.lines, maxFileLines)
		}
		if f.test {
			continue
		}
		rooms[f.room] += f.lines
		for _, declaration := range f.tree.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			length := h.fset.Position(function.End()).Line - h.fset.Position(function.Pos()).Line + 1
			if length > maxFunctionLines {
				h.fault(function, "%s has %d lines: a function has at most %d", function.Name.Name, length, maxFunctionLines)
			}
		}
	}
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		if rooms[room] > maxPackageLines {
			h.Errorf("%s: %d lines: a room has at most %d; give a part of it a room of its own", room, rooms[room], maxPackageLines)
		}
	}
}

// bannedFunctions finds init functions, because wiring is visible in cmd, and skipped tests, because they protect nothing.
func (h house) bannedFunctions() {
	for _, f := range h.files {
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil && n.Name.Name == "init" {
					h.fault(n, "init function: wiring happens in cmd, where one can see it")
				}
			case *ast.CallExpr:
				if s, ok := n.Fun.(*ast.SelectorExpr); ok && f.test && isTesting(s.X) &&
					slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, s.Sel.Name) {
					h.fault(n, "skipped test: a test that does not run protects nothing")
				}
			}
			return true
		})
	}
}

func isTesting(x ast.Expr) bool {
	name, ok := x.(*ast.Ident)
	return ok && slices.Contains([]string{"t", "b", "f", "tb"}, name.Name)
}

// places matches what belongs to one machine or one person's setup: hosts of package registries and absolute paths of
// working copies. It is put together from parts so that it does not match itself.
var places = regexp.MustCompile(strings.Join([]string{
	`\b(proxy|sum|index)\.golang` + `\.org\b`, `\bgoproxy` + `\.(io|cn)\b`, `\bregistry\.(npmjs|yarnpkg)` + `\.(org|com)\b`,
	`\b(pypi|files\.pythonhosted|rubygems)` + `\.org\b`, `\b(static\.)?crates` + `\.io\b`, `\brepo1?\.maven` + `\.`,
	`(^|[\s"'=(:` + "`" + `])/(work|root|home/[a-z]+|Users/[a-z]+)/`,
}, "|"))

func (h house) texts() {
	h.walk(func(name string) {
		text, err := os.ReadFile(name)
		if err != nil {
			h.Fatal(err)
		}
		if bytes.IndexByte(text, 0) >= 0 || len(text) > 4<<20 || name == "go.sum" {
			return
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if found := places.Find(line); found != nil {
				h.Errorf("%s:%d: %q belongs to one machine, not to the project", name, i+1, strings.TrimSpace(string(found)))
			}
		}
	})
}

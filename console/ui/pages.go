package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static/*
var static embed.FS

// StaticRoot is where Pages expects its assets to be served.
const StaticRoot = "/static/"

// Page is the data of one page: one of the structs of this package.
type Page interface {
	template() string // the file that shows it
}

// Asset is one embedded file. Its name contains a hash of its content, so it may be cached forever.
type Asset struct {
	ContentType string
	Body        []byte
}

// Pages renders pages. It is immutable and safe for concurrent use.
type Pages struct {
	byFile map[string]*template.Template
	assets map[string]Asset  // by hashed name
	urls   map[string]string // by plain name
}

// New reads the embedded files. They are part of the binary, so a fault in them is a fault of the build: it panics.
func New() *Pages {
	p := &Pages{byFile: map[string]*template.Template{}, assets: map[string]Asset{}, urls: map[string]string{}}
	p.readAssets()
	base := template.Must(template.New("base.html").Funcs(template.FuncMap{"asset": p.url}).ParseFS(templates, "templates/base.html", "templates/passkey.html"))
	for _, file := range must(fs.Glob(templates, "templates/*.html")) {
		name := path.Base(file)
		p.byFile[name] = template.Must(template.Must(base.Clone()).ParseFS(templates, file))
	}
	return p
}

func (p *Pages) readAssets() {
	for _, file := range must(fs.Glob(static, "static/*")) {
		body := must(static.ReadFile(file))
		sum := sha256.Sum256(body)
		name, extension := path.Base(file), path.Ext(file)
		hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension
		p.assets[hashed] = Asset{ContentType: mime.TypeByExtension(extension), Body: body}
		p.urls[name] = StaticRoot + hashed
	}
}

// url gives the address of an asset; templates know it as asset.
func (p *Pages) url(name string) (string, error) {
	address, ok := p.urls[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return address, nil
}

// Asset finds an asset by the last element of its address.
func (p *Pages) Asset(name string) (Asset, bool) {
	asset, ok := p.assets[name]
	return asset, ok
}

// Render writes a whole page or, on an error, nothing.
func (p *Pages) Render(w io.Writer, page Page) error {
	var body bytes.Buffer
	if err := p.byFile[page.template()].ExecuteTemplate(&body, "base.html", page); err != nil {
		return fmt.Errorf("render %s: %w", page.template(), err)
	}
	_, err := body.WriteTo(w)
	return err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

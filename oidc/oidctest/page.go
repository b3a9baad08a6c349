package oidctest

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
)

// pages is the text of the three pages of the provider.
const pages = `{{define "head"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title>
<style>
body{font:16px/1.5 system-ui,sans-serif;background:#f3f4f6;color:#1f2937;margin:0;display:grid;place-items:center;min-height:100vh}
main{background:#fff;padding:2rem;border-radius:12px;box-shadow:0 1px 4px #0003;width:min(22rem,90vw)}
h1{font-size:1.25rem;margin:0 0 1rem}
label{display:block;margin:.75rem 0 .25rem}
input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #9ca3af;border-radius:6px}
button{width:100%;margin-top:1rem;padding:.6rem;font:inherit;border:0;border-radius:6px;background:#1d4ed8;color:#fff;cursor:pointer}
.people button{margin-top:.5rem;background:#e5e7eb;color:#1f2937;text-align:left}
.people span{color:#4b5563;font-size:.85rem}
.note{color:#4b5563;font-size:.85rem}.error{color:#b91c1c}
</style></head><body><main><h1>{{.Title}}</h1>{{end}}
{{define "foot"}}</main></body></html>{{end}}

{{define "login"}}{{template "head" .}}
<p class="note">Demo identity provider on this machine. Not for real accounts.</p>
{{with .Error}}<p class="error" role="alert">{{.}}</p>{{end}}
<form method="post" action="{{.Action}}">
<label for="email">E-mail</label><input id="email" name="email" type="email" autocomplete="username" value="{{.Hint}}" required autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in</button>
</form>
{{if .People}}<form class="people" method="post" action="{{.Action}}"><p class="note">or continue as</p>
{{range .People}}<button type="submit" name="as" value="{{.Subject}}">{{.Name}} <span>{{.Email}}</span></button>
{{end}}</form>{{end}}
{{template "foot"}}{{end}}

{{define "message"}}{{template "head" .}}<p>{{.Text}}</p>{{template "foot"}}{{end}}

{{define "form_post"}}<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Continue</title></head>
<body><form method="post" action="{{.Action}}">
{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">
{{end}}<noscript><button type="submit">Continue</button></noscript></form>
<script>document.forms[0].submit()</script></body></html>{{end}}`

// field is a hidden field of the form_post page.
type field struct{ Name, Value string }

func (p *Provider) showLogin(w http.ResponseWriter, status int, a authRequest, problem string) {
	var people []User
	if p.demo {
		p.mu.Lock()
		people = slices.Clone(p.users)
		p.mu.Unlock()
	}
	p.render(w, status, "login", map[string]any{
		"Title":  "Sign in",
		"Error":  problem,
		"Action": p.base + "/login?" + a.query.Encode(),
		"Hint":   a.hint,
		"People": people,
	})
}

func (p *Provider) showError(w http.ResponseWriter, text string) {
	p.render(w, http.StatusBadRequest, "message", map[string]any{"Title": "Request refused", "Text": text})
}

func (p *Provider) showFormPost(w http.ResponseWriter, action string, params url.Values) {
	var fields []field
	for name, values := range params {
		for _, v := range values {
			fields = append(fields, field{name, v})
		}
	}
	slices.SortStableFunc(fields, func(a, b field) int {
		return bytes.Compare([]byte(a.Name), []byte(b.Name))
	})
	p.render(w, http.StatusOK, "form_post", map[string]any{"Action": action, "Fields": fields})
}

func (p *Provider) render(w http.ResponseWriter, status int, page string, data map[string]any) {
	var body bytes.Buffer
	if err := p.pages.ExecuteTemplate(&body, page, data); err != nil {
		http.Error(w, "page cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Frame-Options", "DENY")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w)
}

package oidctest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"domicile/oidc/oidctest"
)

func TestBrowser(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ask", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<form action="/asked?a=1&amp;b=2" method="post"><input type="hidden" name="csrf" value="&lt;t&gt;"><input name="email"></form>`)
	})
	mux.HandleFunc("POST /asked", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-tx", Value: "1", Path: "/", Secure: true, HttpOnly: true})
		w.Header().Set("Location", "kept")
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /kept", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("__Host-tx")
		fmt.Fprintf(w, "%s %s %v %v", r.PostFormValue("email"), r.PostFormValue("csrf"), c, err)
	})
	mux.HandleFunc("GET /later", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ask", http.StatusSeeOther) })
	mux.HandleFunc("GET /circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/circle", http.StatusSeeOther) })
	mux.HandleFunc("GET /plain", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "no form") })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	tests := []struct {
		path, want string
		steps      int
		fails      bool
	}{
		{"/ask", "ada@acme.example <t> __Host-tx=1 <nil>", 3, false},
		{"/later", "<form", 2, false}, // an e-mail form elsewhere is an end
		{"/plain", "no form", 1, false},
		{"/circle", "", 30, true},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			resp, trail, err := oidctest.NewBrowser(nil).SignIn(t.Context(), server.URL+tt.path, ada.Email, "")
			if (err != nil) != tt.fails || len(trail) != tt.steps {
				t.Fatalf("trail %q, error %v", trail, err)
			}
			body, _ := io.ReadAll(resp.Body)
			if !strings.Contains(string(body), tt.want) {
				t.Errorf("page %q", body)
			}
		})
	}
}

func TestBrowser_cookies(t *testing.T) {
	b := oidctest.NewBrowser(nil)
	local, _ := url.Parse("http://127.0.0.1:1/")
	remote, _ := url.Parse("http://app.example/")
	for _, u := range []*url.URL{local, remote} {
		b.SetCookies(u, []*http.Cookie{{Name: "s", Value: "1", Secure: true, Path: "/"}})
	}
	if len(b.Cookies(local)) != 1 || len(b.Cookies(remote)) != 0 {
		t.Errorf("local %v, remote %v", b.Cookies(local), b.Cookies(remote))
	}
}

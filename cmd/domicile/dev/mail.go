package dev

import (
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/mail"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// maxMails bounds what the mail sink remembers; older messages go.
const maxMails = 500

// letter is one message in the sink.
type letter struct {
	Received time.Time `json:"received"`
	From     string    `json:"from"`
	To       []string  `json:"to"`
	Subject  string    `json:"subject"`
	Body     string    `json:"body"`
}

// mailSink is an SMTP server that delivers to a page: GET / for people, GET /messages for tests.
type mailSink struct {
	mu      sync.Mutex
	letters []letter
}

// NewSession implements smtp.Backend.
func (s *mailSink) NewSession(*smtp.Conn) (smtp.Session, error) { return &mailSession{sink: s}, nil }

func (s *mailSink) server() *smtp.Server {
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	server.AllowInsecureAuth = true
	server.MaxMessageBytes = 1 << 20
	server.MaxRecipients = 50
	server.ReadTimeout = 10 * time.Second
	server.WriteTimeout = 10 * time.Second
	return server
}

func (s *mailSink) list() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter{}, s.letters...)
}

func (s *mailSink) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.list())
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = inboxPage.Execute(w, s.list())
	})
	return mux
}

var inboxPage = template.Must(template.New("inbox").Parse(`<!doctype html><meta charset="utf-8"><title>Mail sink</title>
<style>body{font:16px/1.5 system-ui;max-width:48rem;margin:3rem auto;padding:0 1rem}pre{white-space:pre-wrap}</style>
<h1>Mail sink</h1>{{range .}}<h2>{{.Subject}}</h2><p>to {{range .To}}{{.}} {{end}}</p><pre>{{.Body}}</pre>
{{else}}<p>No mail yet.</p>{{end}}`))

// mailSession is one SMTP conversation.
type mailSession struct {
	sink *mailSink
	from string
	to   []string
}

// Mail implements smtp.Session.
func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *mailSession) Data(r io.Reader) error {
	message, err := mail.ReadMessage(r)
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "the message cannot be read"}
	}
	body, err := io.ReadAll(message.Body)
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	s.sink.letters = append(s.sink.letters, letter{
		Received: time.Now().UTC(), From: s.from, To: s.to, Subject: message.Header.Get("Subject"), Body: string(body),
	})
	if extra := len(s.sink.letters) - maxMails; extra > 0 {
		s.sink.letters = s.sink.letters[extra:]
	}
	return nil
}

// Reset implements smtp.Session.
func (s *mailSession) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (*mailSession) Logout() error { return nil }

// ignoreClosed drops the error that a listener gives when it was closed on purpose.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, http.ErrServerClosed) || errors.Is(err, smtp.ErrServerClosed) {
		return nil
	}
	return err
}

package posttest

import (
	"encoding/json"
	"html/template"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxLetters bounds what a sink remembers; older letters go.
const maxLetters = 500

// Letter is one message in the sink.
type Letter struct {
	Received time.Time   `json:"received"`
	From     string      `json:"from"`
	To       []string    `json:"to"`
	Subject  string      `json:"subject"`
	Body     string      `json:"body"` // decoded
	Header   mail.Header `json:"-"`
}

// Sink is the memory behind the server. The zero value takes everything from everybody.
type Sink struct {
	// Login, if set, must find name and password good before a letter is taken; it is set before the server runs.
	Login func(username, password string) bool
	// Refuse, if set, gives the answer to a recipient, nil to take the letter; it is set before the server runs. It must be
	// safe for concurrent use.
	Refuse func(to string) *smtp.SMTPError

	mu      sync.Mutex
	letters []Letter
}

// Server makes an SMTP server that fills the sink; the caller gives it a listener, and may give it a TLS configuration.
func (s *Sink) Server() *smtp.Server {
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	server.MaxMessageBytes = 1 << 20
	server.MaxRecipients = 50
	server.EnableSMTPUTF8 = true
	server.ReadTimeout = 10 * time.Second
	server.WriteTimeout = 10 * time.Second
	server.ErrorLog = silence{} // of clients that go away
	return server
}

type silence struct{}

func (silence) Printf(string, ...any) {}
func (silence) Println(...any)        {}

// Letters lists what came, oldest first.
func (s *Sink) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

func (s *Sink) add(l Letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
	if extra := len(s.letters) - maxLetters; extra > 0 {
		s.letters = slices.Delete(s.letters, 0, extra)
	}
}

// Handler shows the letters: GET / for people, GET /messages for tests.
func (s *Sink) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(append([]Letter{}, s.Letters()...))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_ = inboxPage.Execute(w, s.Letters())
	})
	return mux
}

var inboxPage = template.Must(template.New("inbox").Parse(`<!doctype html><meta charset="utf-8"><title>Mail sink</title>
<style>body{font:16px/1.5 system-ui;max-width:48rem;margin:3rem auto;padding:0 1rem}pre{white-space:pre-wrap}</style>
<h1>Mail sink</h1>{{range .}}<h2>{{.Subject}}</h2><p>to {{range .To}}{{.}} {{end}}</p><pre>{{.Body}}</pre>
{{else}}<p>No mail yet.</p>{{end}}`))

// NewSession implements smtp.Backend.
func (s *Sink) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &session{sink: s, trusted: s.Login == nil}, nil
}

// session is one SMTP conversation.
type session struct {
	sink    *Sink
	trusted bool
	from    string
	to      []string
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.sink.Login == nil {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if s.trusted = s.sink.Login(username, password); !s.trusted {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.trusted {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.sink.Refuse != nil {
		if refusal := s.sink.Refuse(to); refusal != nil {
			return refusal
		}
	}
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	unreadable := &smtp.SMTPError{Code: 554, Message: "the message cannot be read"}
	message, err := mail.ReadMessage(r)
	if err != nil {
		return unreadable
	}
	body := message.Body
	if strings.EqualFold(message.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject"))
	if err != nil {
		return unreadable
	}
	s.sink.add(Letter{
		Received: time.Now().UTC(), From: s.from, To: s.to, Subject: subject,
		Body: strings.ReplaceAll(string(text), "\r\n", "\n"), Header: message.Header,
	})
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (*session) Logout() error { return nil }

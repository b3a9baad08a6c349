package post_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"domicile/jobs/post"
	"domicile/jobs/posttest"
	"domicile/seal"
)

const sender = "Domicile <no-reply@us.example.com>"

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func letter() post.Letter {
	return post.Letter{ID: "sync-failures.1", To: "rosa@acme.example", Subject: "A subject", Text: "One line.\nAnother.\n"}
}

// certified gives a certificate for example.com and 127.0.0.1, and the pool that trusts it.
func certified() (*tls.Config, *x509.CertPool) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return &tls.Config{Certificates: server.TLS.Certificates}, pool
}

// serve runs an SMTP server and gives its address.
func serve(t *testing.T, server *smtp.Server, implicit bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { _ = errors.Join(server.Close(), listener.Close()); <-done }) // Serve may not have begun
	return address
}

func newSender(t *testing.T, config post.Config) *post.Sender {
	t.Helper()
	config.From, config.Now = sender, func() time.Time { return noon }
	s, err := post.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend_arrivesUnderEachProtection(t *testing.T) {
	settings, pool := certified()
	for _, way := range []post.Security{post.StartTLS, post.Implicit, post.None} {
		t.Run(string(way), func(t *testing.T) {
			sink := &posttest.Sink{}
			config := post.Config{Security: way, RootCAs: pool}
			if way != post.None {
				sink.Login = func(username, password string) bool { return username == "domicile" && password == "s3cret" }
				config.Username, config.Password = "domicile", seal.NewSecret("s3cret")
			}
			server := sink.Server()
			server.TLSConfig = settings
			config.Server = serve(t, server, way == post.Implicit)
			if err := newSender(t, config).Send(t.Context(), letter()); err != nil {
				t.Fatal(err)
			}
			letters := sink.Letters()
			if len(letters) != 1 {
				t.Fatalf("%d letters came", len(letters))
			}
			l := letters[0]
			if l.From != "no-reply@us.example.com" || !slices.Equal(l.To, []string{"rosa@acme.example"}) || l.Subject != "A subject" ||
				l.Body != "One line.\nAnother.\n" {
				t.Errorf("came %+v", l)
			}
			for name, want := range map[string]string{
				"From": `"Domicile" <no-reply@us.example.com>`, "To": "<rosa@acme.example>", "Date": "Sun, 22 Nov 2026 12:00:00 +0000",
				"Message-Id": "<sync-failures.1@us.example.com>", "Auto-Submitted": "auto-generated",
				"Content-Type": "text/plain; charset=utf-8",
			} {
				if got := l.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// Whatever a letter holds, it stays one letter to one person with the headers that it has.
func TestSend_nothingBreaksOut(t *testing.T) {
	sink := &posttest.Sink{}
	s := newSender(t, post.Config{Security: post.None, Server: serve(t, sink.Server(), false)})
	nasty := letter()
	nasty.Subject = "hello\r\nBcc: mallory@evil.example\r\n\r\nbody\x00 é \u2028"
	nasty.Text = "first\r\n.\r\nMAIL FROM:<x@evil.example>\n.\n..\nnaïve = 100 %\rlone\x1b[31m\xff\n" + strings.Repeat("long ", 1000) + "\nno end"
	if err := s.Send(t.Context(), nasty); err != nil {
		t.Fatal(err)
	}
	letters := sink.Letters()
	if len(letters) != 1 || len(letters[0].To) != 1 {
		t.Fatalf("came %+v", letters)
	}
	if l := letters[0]; l.Header.Get("Bcc") != "" || len(l.Header) != 9 || !strings.HasPrefix(l.Subject, "hello  Bcc: mallory@evil.example") {
		t.Errorf("headers are %v, the subject %q", l.Header, l.Subject)
	}
	want := "first\n.\nMAIL FROM:<x@evil.example>\n.\n..\nnaïve = 100 % lone [31m\ufffd\n" + strings.Repeat("long ", 1000) + "\nno end\n"
	if got := letters[0].Body; got != want {
		t.Errorf("the text is\n%q, want\n%q", got, want)
	}
}

func TestSend_refusesWhatIsNoAddress(t *testing.T) {
	s := newSender(t, post.Config{Security: post.None, Server: "127.0.0.1:1"}) // nobody is asked
	for _, to := range []string{
		"", "rosa", "rosa@", "@acme.example", "a@b.example, c@d.example", "Rosa <rosa@acme.example>", "rosa@acme.example\r\nDATA",
		"<rosa@acme.example>", "rosa @acme.example", "rosa@acme.example>", "\"a\r\nb\"@acme.example", "rosa@acme.example ",
	} {
		l := letter()
		l.To = to
		if err := s.Send(t.Context(), l); !errors.Is(err, post.ErrRefused) {
			t.Errorf("%q: %v", to, err)
		}
	}
	l := letter()
	l.ID = "a>\r\nBcc: x"
	if err := s.Send(t.Context(), l); !errors.Is(err, post.ErrRefused) {
		t.Errorf("a bad id: %v", err)
	}
}

func TestSend_failuresAreTold(t *testing.T) {
	settings, pool := certified()
	answer := func(code int) func(string) *smtp.SMTPError {
		return func(to string) *smtp.SMTPError {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "no " + to}
		}
	}
	plain := func(refuse func(string) *smtp.SMTPError) string {
		return serve(t, (&posttest.Sink{Refuse: refuse}).Server(), false)
	}
	locked := (&posttest.Sink{Login: func(string, string) bool { return false }}).Server()
	locked.TLSConfig = settings
	unnamed := (&posttest.Sink{}).Server()
	unnamed.TLSConfig = settings
	ascii := (&posttest.Sink{}).Server()
	ascii.EnableSMTPUTF8 = false
	for name, tc := range map[string]struct {
		config  post.Config
		to      string
		refused bool
		want    string
	}{
		"unknown person":    {post.Config{Security: post.None, Server: plain(answer(550))}, "", true, "550 5.1.1"},
		"come back later":   {post.Config{Security: post.None, Server: plain(answer(450))}, "", false, "450 4.1.1"},
		"nobody listens":    {post.Config{Security: post.None, Server: closed(t)}, "", false, "reach the mail server"},
		"no STARTTLS":       {post.Config{Security: post.StartTLS, Server: plain(nil)}, "", false, "STARTTLS"},
		"unknown authority": {post.Config{Security: post.StartTLS, Server: serve(t, unnamed, false)}, "", false, "certificate"},
		"wrong password": {post.Config{Security: post.StartTLS, RootCAs: pool, Server: serve(t, locked, false), Username: "u",
			Password: seal.NewSecret("p4ssword")}, "", false, "authenticate at the mail server: the mail server answers 535"},
		"ASCII only": {post.Config{Security: post.None, Server: serve(t, ascii, false)}, "rösa@acme.example", true, "ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			l := letter()
			if tc.to != "" {
				l.To = tc.to
			}
			err := newSender(t, tc.config).Send(t.Context(), l)
			if err == nil || errors.Is(err, post.ErrRefused) != tc.refused || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q, refused %t", err, tc.want, tc.refused)
			}
			if err != nil && (strings.Contains(err.Error(), "rosa") || strings.Contains(err.Error(), "p4ssword")) {
				t.Errorf("the error names a person or a secret: %v", err)
			}
		})
	}
}

// closed gives an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A server that falls silent, at whichever step, holds nobody: the sender goes when its context ends.
func TestSend_silentServer(t *testing.T) {
	answers := []string{"220 hello\r\n", "250 hello\r\n", "250 sender\r\n", "250 recipient\r\n", "354 go on\r\n", ""}
	for step := range answers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var silent atomic.Bool
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			lines := bufio.NewScanner(conn)
			for i, answer := range answers {
				if i == step {
					silent.Store(true)
					cancel()
				} else if !silent.Load() {
					fmt.Fprint(conn, answer)
				}
				if !lines.Scan() {
					return
				}
			}
		}()
		err = newSender(t, post.Config{Security: post.None, Server: listener.Addr().String()}).Send(ctx, letter())
		if !errors.Is(err, context.Canceled) {
			t.Errorf("silent at step %d: %v", step, err)
		}
		cancel()
		_ = listener.Close()
	}
}

func TestNew_refuses(t *testing.T) {
	good := post.Config{Server: "mail.example.com:587", Security: post.StartTLS, From: sender}
	for name, change := range map[string]func(*post.Config){
		"no port":               func(c *post.Config) { c.Server = "mail.example.com" },
		"no host":               func(c *post.Config) { c.Server = ":25" },
		"unknown protection":    func(c *post.Config) { c.Security = "tls" },
		"no sender":             func(c *post.Config) { c.From = "" },
		"two senders":           func(c *post.Config) { c.From = "a@x.example, b@x.example" },
		"password in the clear": func(c *post.Config) { c.Security, c.Username = post.None, "u" },
	} {
		c := good
		change(&c)
		if _, err := post.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := post.New(good); err != nil {
		t.Error(err)
	}
}

// FuzzLetter: no text makes more than one letter, another recipient or another header.
func FuzzLetter(f *testing.F) {
	f.Add("rosa@acme.example", "subject", "text\n.\n")
	f.Add("a\r\n@b.example", "s\r\nBcc: x@y.example", "\r\n.\r\nQUIT\r\n")
	f.Fuzz(func(t *testing.T, to, subject, text string) {
		sink := &posttest.Sink{}
		s := newSender(t, post.Config{Security: post.None, Server: serve(t, sink.Server(), false)})
		err := s.Send(t.Context(), post.Letter{ID: "1", To: to, Subject: subject, Text: text})
		letters := sink.Letters()
		if err != nil && len(letters) != 0 || err == nil && (len(letters) != 1 || len(letters[0].Header) != 9 ||
			!slices.Equal(letters[0].To, []string{to})) {
			t.Errorf("%v, came %+v", err, letters)
		}
	})
}

package post

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"domicile/seal"
)

// Security is how the connection to the mail server is protected.
type Security string

// The ways; the zero value is none of them.
const (
	StartTLS Security = "starttls" // RFC 3207: in clear until both agree on TLS; a server that does not offer it is refused
	Implicit Security = "implicit" // RFC 8314: TLS from the first byte
	None     Security = "none"     // in clear, for a server on this machine or in this network
)

// Valid tells whether s is one of the ways.
func (s Security) Valid() bool { return s == StartTLS || s == Implicit || s == None }

// Config says which mail server takes the letters, and in whose name they go.
type Config struct {
	Server   string // host:port
	Security Security
	From     string // "Domicile <no-reply@example.com>"
	Username string // empty: no authentication
	Password seal.Secret
	RootCAs  *x509.CertPool // nil: the system's
	Now      func() time.Time
}

// ErrRefused is in the chain of an error about a letter that the mail server will never take. All other errors of Send pass.
var ErrRefused = errors.New("the letter was refused")

// Bounds of one letter.
const (
	patience     = time.Minute // all in all
	stepPatience = 20 * time.Second
)

// Sender hands letters to the mail server, each over a connection of its own. It is safe for concurrent use.
type Sender struct {
	config Config
	host   string
	from   *mail.Address
}

// New checks the configuration. Nothing is dialled yet.
func New(config Config) (*Sender, error) {
	host, _, err := net.SplitHostPort(config.Server)
	if err != nil || host == "" {
		return nil, fmt.Errorf("mail server %q: host:port is wanted", config.Server)
	}
	if !config.Security.Valid() {
		return nil, fmt.Errorf("mail server: %q is no kind of protection", config.Security)
	}
	if config.Username != "" && config.Security == None {
		return nil, errors.New("mail server: a password is not sent without TLS")
	}
	from, err := mail.ParseAddress(config.From)
	if err != nil {
		return nil, fmt.Errorf("mail sender: %w", err)
	}
	if _, err := ParseAddress(from.Address); err != nil || !isASCII(from.Address) {
		return nil, fmt.Errorf("mail sender %q: a plain mail address is wanted", config.From)
	}
	return &Sender{config: config, host: host, from: from}, nil
}

// Send hands one letter over, within a minute. An error with ErrRefused in its chain is final; after any other the letter may
// be sent again, and may even have been taken. Errors hold no answer of the server but its codes.
func (s *Sender) Send(ctx context.Context, l Letter) error {
	to, err := ParseAddress(l.To)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	message, err := l.compose(s.from, to, s.config.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = s.deliver(ctx, to, message)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("hand a letter to the mail server: %w", ctx.Err())
	}
	return err
}

func (s *Sender) deliver(ctx context.Context, to string, message []byte) error {
	dialer := net.Dialer{Timeout: stepPatience}
	conn, err := dialer.DialContext(ctx, "tcp", s.config.Server)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	client, err := s.greet(ctx, conn)
	if err != nil {
		return err
	}
	if err := s.authenticate(client); err != nil {
		return err
	}
	if err := s.submit(client, to, message); err != nil {
		return err
	}
	_ = client.Quit() // the letter is theirs already
	return nil
}

// greet makes the protected connection. What waits for too long there ends with ctx, which closes conn.
func (s *Sender) greet(ctx context.Context, conn net.Conn) (*smtp.Client, error) {
	settings := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.config.RootCAs}
	var client *smtp.Client
	switch s.config.Security {
	case StartTLS:
		var err error
		if client, err = smtp.NewClientStartTLS(conn, settings); err != nil {
			return nil, trouble("start TLS with the mail server", err)
		}
	case Implicit:
		secure := tls.Client(conn, settings)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("start TLS with the mail server: %w", err)
		}
		client = smtp.NewClient(secure)
	default:
		client = smtp.NewClient(conn)
	}
	client.CommandTimeout, client.SubmissionTimeout = stepPatience, patience
	if err := client.Hello(domainOf(s.from.Address)); err != nil {
		return nil, trouble("greet the mail server", err)
	}
	return client, nil
}

func (s *Sender) authenticate(client *smtp.Client) error {
	if s.config.Username == "" {
		return nil
	}
	mechanism := sasl.NewPlainClient("", s.config.Username, s.config.Password.Reveal())
	if !client.SupportsAuth(sasl.Plain) && client.SupportsAuth(sasl.Login) {
		mechanism = sasl.NewLoginClient(s.config.Username, s.config.Password.Reveal())
	}
	if err := client.Auth(mechanism); err != nil {
		return trouble("authenticate at the mail server", err)
	}
	return nil
}

// submit is one mail transaction (RFC 5321 §3.3).
func (s *Sender) submit(client *smtp.Client, to string, message []byte) error {
	options := &smtp.MailOptions{Size: int64(len(message)), UTF8: !isASCII(to)}
	if known, _ := client.Extension("SMTPUTF8"); options.UTF8 && !known {
		return fmt.Errorf("%w: the mail server takes ASCII addresses only", ErrRefused)
	}
	if err := client.Mail(s.from.Address, options); err != nil {
		return trouble("name the sender", err)
	}
	if err := client.Rcpt(to, nil); err != nil {
		return verdict("name the recipient", err)
	}
	body, err := client.Data()
	if err != nil {
		return verdict("hand over the letter", err)
	}
	if _, err := body.Write(message); err != nil {
		return trouble("hand over the letter", err)
	}
	if err := body.Close(); err != nil {
		return verdict("hand over the letter", err)
	}
	return nil
}

// trouble is an error that says nothing about the letter. Of an answer of the server it keeps the codes.
func trouble(step string, err error) error {
	if answer, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return fmt.Errorf("%s: the mail server answers %s", step, codes(answer))
	}
	return fmt.Errorf("%s: %w", step, err)
}

// verdict is trouble, or a refusal of the letter where the server says for good that it does not take it.
func verdict(step string, err error) error {
	if answer, ok := errors.AsType[*smtp.SMTPError](err); ok && !answer.Temporary() {
		return fmt.Errorf("%s: %w: the mail server answers %s", step, ErrRefused, codes(answer))
	}
	return trouble(step, err)
}

func codes(answer *smtp.SMTPError) string {
	if e := answer.EnhancedCode; e[0] > 0 {
		return fmt.Sprintf("%d %d.%d.%d", answer.Code, e[0], e[1], e[2])
	}
	return strconv.Itoa(answer.Code)
}

package oidc

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"domicile/directory"
)

const (
	transactionFormat = 1
	maxTransactions   = 5       // of one browser at a time
	maxCookieBytes    = 4 << 10 // what browsers keep
)

// transaction is a sign-in under way. It lives nowhere but in a sealed cookie of the browser that began it: any node can
// finish it, and no other browser can. What was asked of the provider is not in it, but for Fresh: it is the connection's
// choice, and one that is not what the sign-in began through finishes nothing. So nodes of two releases read the same format.
type transaction struct {
	Format            int                    `json:"v"`
	ID                string                 `json:"id"`
	Region            string                 `json:"region"`
	Connection        directory.ConnectionID `json:"conn"`
	ConnectionVersion uint64                 `json:"rev"`
	Trust             string                 `json:"trust,omitempty"` // of the connection; none: a node of the first release began it
	Issuer            string                 `json:"iss"`
	State             string                 `json:"state"`
	Nonce             string                 `json:"nonce"`
	Verifier          string                 `json:"pkce"`
	RedirectURI       string                 `json:"uri"`
	ReturnTo          string                 `json:"to"`
	Fresh             bool                   `json:"fresh,omitempty"` // the provider was told to authenticate the person anew
	Started           int64                  `json:"iat"`             // unix seconds, as Expires
	Expires           int64                  `json:"exp"`
}

func (t *transaction) started() time.Time { return time.Unix(t.Started, 0) }

func (t *transaction) expired(now time.Time) bool { return now.Unix() >= t.Expires }

// begunThrough tells whether a connection is still the one that the sign-in began through, as far as it depends on it.
func (t *transaction) begunThrough(connection *directory.Connection) bool {
	if t.Trust == "" {
		return connection.Version == t.ConnectionVersion
	}
	return connection.Trust() == t.Trust
}

const transactionPrefix = "domicile_tx_"

// transactionCookie names the cookie of a transaction after its state, so that parallel tabs do not disturb each other.
func (s *Service) transactionCookie(state string) string {
	sum := sha256.Sum256([]byte(state))
	return s.cookie(transactionPrefix + base64.RawURLEncoding.EncodeToString(sum[:])[:10])
}

// sealTransaction encrypts the transaction for the cookie of this name.
func (s *Service) sealTransaction(name string, t *transaction) (string, error) {
	plain, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.box.Seal(nil, plain, []byte(name))), nil
}

var errTransaction = errors.New("not a login transaction of this region")

// openTransaction decrypts what sealTransaction made for the same name in the same region and cluster.
func (s *Service) openTransaction(name, value string) (*transaction, error) {
	if len(value) > maxCookieBytes {
		return nil, errTransaction
	}
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil, errTransaction
	}
	plain, err := s.box.Open(nil, sealed, []byte(name))
	if err != nil {
		return nil, err
	}
	var t transaction
	if err := json.Unmarshal(plain, &t); err != nil || t.Format != transactionFormat || t.Region != s.deps.Identity.Region {
		return nil, errTransaction
	}
	return &t, nil
}

// surplus names the transaction cookies that a browser has to drop before it gets another one: those that no longer open
// or have expired, and the oldest above the bound.
func (s *Service) surplus(cookies []*http.Cookie) []string {
	type open struct {
		name    string
		expires int64
	}
	var drop []string
	var live []open
	for _, cookie := range cookies {
		if !strings.HasPrefix(cookie.Name, s.cookie(transactionPrefix)) {
			continue
		}
		t, err := s.openTransaction(cookie.Name, cookie.Value)
		if err != nil || t.expired(s.deps.Now()) {
			drop = append(drop, cookie.Name)
			continue
		}
		live = append(live, open{cookie.Name, t.Expires})
	}
	slices.SortFunc(live, func(a, b open) int { return cmp.Compare(a.expires, b.expires) })
	for len(live) >= maxTransactions {
		drop = append(drop, live[0].name)
		live = live[1:]
	}
	return drop
}

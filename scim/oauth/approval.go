package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"domicile/directory"
	"domicile/seal"
)

// approval is the consent of an owner or the operator to one client, once. It is sealed for its client, whose id is not in
// it.
type approval struct {
	ID      string         `json:"id"` // also of the refresh token that it buys: so what was bought can be found
	Expires directory.Time `json:"exp"`
}

// code is an authorization code (RFC 6749 §4.1.2), sealed for its client.
type code struct {
	Approval  approval       `json:"a"`
	Redirect  []byte         `json:"r"`           // SHA-256 of the redirect URI that got it
	Named     bool           `json:"n,omitempty"` // the client named that URI, and has to name it again
	Challenge string         `json:"c,omitempty"` // S256 (RFC 7636 §4.2); empty: none
	Expires   directory.Time `json:"exp"`
}

// Approve makes an approval of one of the organization's clients, to be entered on the authorization page within
// ApprovalLife. It buys tokens once. Errors: KindNotFound; KindConflict where it would be of no use; KindUnavailable.
func (s *Service) Approve(ctx context.Context, org directory.OrganizationID, id directory.ClientID) (seal.Secret, time.Time, error) {
	view, err := s.view(ctx)
	if err != nil {
		return seal.Secret{}, time.Time{}, err
	}
	client, ok := view.Client(id)
	if !ok || client.Organization != org {
		return seal.Secret{}, time.Time{}, directory.Errorf(directory.KindNotFound, "", "there is no OAuth client %q", id)
	}
	if len(client.RedirectURIs) == 0 {
		return seal.Secret{}, time.Time{}, directory.Errorf(directory.KindConflict, "redirect_uris",
			"the client has no redirect URI, so it uses client credentials and needs no approval")
	}
	if fault := served(view, org); fault != nil {
		return seal.Secret{}, time.Time{}, directory.Errorf(directory.KindConflict, "", "%s", fault.Detail)
	}
	expires := s.Now().Add(ApprovalLife)
	text, err := sealFor(s.approvals, client, approval{ID: s.NewID(), Expires: directory.Time(expires.UnixMicro())})
	return seal.NewSecret(text), expires, err
}

// used is what the ledger remembers of an approval that bought tokens.
func (a approval) used() directory.Hash { return sha256.Sum256([]byte("oauth approval " + a.ID)) }

// end is when the last code of the approval has expired.
func (a approval) end() directory.Time { return a.Expires + directory.Time(CodeLife.Microseconds()) }

// placeOf is what approvals and codes of a client are bound to, besides region and cluster.
func placeOf(c *directory.Client) []byte {
	return []byte(string(c.Organization) + "\x00" + string(c.ID))
}

func sealFor(box *seal.Box, c *directory.Client, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(box.Seal(nil, plain, placeOf(c))), nil
}

// maxSealed bounds the texts that are opened, in bytes.
const maxSealed = 2000

var errSealed = errors.New("not sealed for this client")

// openFor reads what sealFor made for the same client. A person may have copied spaces along.
func openFor(box *seal.Box, c *directory.Client, text string, v any) error {
	text = strings.TrimSpace(text)
	if len(text) > maxSealed {
		return errSealed
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errSealed
	}
	plain, err := box.Open(nil, sealed, placeOf(c))
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}

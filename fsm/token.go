package fsm

import (
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// maxIP bounds the text of an address, zone included.
const maxIP = 64

func createToken(tx *transaction, p *command.CreateToken) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	if refusal := togetherFit(p.Tokens); refusal != nil {
		return command.Result{}, refusal
	}
	for i := range p.Tokens {
		if refusal := tokenFits(tx, d, &p.Tokens[i], p.Tokens[:i]); refusal != nil {
			return command.Result{}, refusal
		}
	}
	if refusal := consumable(tx, p); refusal != nil {
		return command.Result{}, refusal
	}
	if p.Consume != (directory.Hash{}) {
		tx.state.UseTransaction(p.Consume, p.ConsumeExpiry)
	}
	for i := range p.Tokens {
		addToken(tx, d, &p.Tokens[i])
	}
	return tx.changed(tx.now), nil
}

// togetherFit wants one token, or an access and a refresh token of one client.
func togetherFit(tokens []command.NewToken) *directory.Error {
	for i := range tokens {
		if !tokens[i].Kind.Valid() {
			return directory.Errorf(directory.KindInvalid, "kind", "there is no token kind %d", tokens[i].Kind)
		}
	}
	if len(tokens) == 1 {
		return nil
	}
	if len(tokens) != 2 || tokens[0].Kind != directory.TokenAccess || tokens[1].Kind != directory.TokenRefresh ||
		tokens[0].Client != tokens[1].Client {
		return directory.Errorf(directory.KindInvalid, "token", "one token at once, or an access token and its refresh token")
	}
	return nil
}

// tokenFits checks one new token against the ledger and those before it in the same command.
func tokenFits(tx *transaction, d *state.Directory, t *command.NewToken, before []command.NewToken) *directory.Error {
	_, idTaken := d.Token(t.ID)
	_, hashTaken := tx.state.TokenByHash(t.Hash)
	twin := func(other command.NewToken) bool { return other.ID == t.ID || other.Hash == t.Hash }
	if idTaken || hashTaken || slices.ContainsFunc(before, twin) {
		return directory.Errorf(directory.KindConflict, "token", "the token exists")
	}
	if t.Kind != directory.TokenBearer {
		if _, known := d.Client(t.Client); !known || t.Client == "" {
			return noClient(t.Client)
		}
		return nil
	}
	if t.Client != "" {
		return directory.Errorf(directory.KindInvalid, "client", "a bearer token has no client")
	}
	if !d.Organization().SingleToken && d.TokenCount() >= directory.MaxTokens {
		return directory.Errorf(directory.KindTooLarge, "",
			"an organization has at most %d tokens; revoke one first", directory.MaxTokens)
	}
	return nil
}

// consumable checks what the tokens are given for.
func consumable(tx *transaction, p *command.CreateToken) *directory.Error {
	switch {
	case p.Consume == directory.Hash{}:
		return nil
	case tx.state.TransactionUsed(p.Consume):
		return directory.Errorf(directory.KindReplayed, "", "the authorization was already used")
	case p.ConsumeExpiry < tx.now:
		return directory.Errorf(directory.KindUnauthenticated, "", "the authorization has expired; start again")
	}
	return nil
}

// addToken makes room for a token and adds it.
func addToken(tx *transaction, d *state.Directory, t *command.NewToken) {
	held := slices.Collect(d.TokensOf(t.Kind, t.Client))
	most := t.Kind.Most()
	if t.Kind == directory.TokenBearer && d.Organization().SingleToken {
		most = 1
	}
	for i := 0; len(held)-i >= most; i++ {
		tx.state.DeleteToken(held[i])
	}
	tx.state.PutToken(d, &directory.Token{
		ID: t.ID, Organization: tx.organization, Hash: t.Hash, Kind: t.Kind, Client: t.Client, Name: t.Name, Hint: t.Hint,
		Created: tx.now, Expires: t.Expires,
	})
}

func revokeToken(tx *transaction, p *command.RevokeToken) (command.Result, *directory.Error) {
	d, refusal := tx.directory()
	if refusal != nil {
		return command.Result{}, refusal
	}
	token, ok := d.Token(p.ID)
	if !ok {
		return command.Result{}, directory.Errorf(directory.KindNotFound, "", "there is no token %q", p.ID)
	}
	tx.state.DeleteToken(token)
	return tx.changed(token.Created), nil
}

func touchTokens(tx *transaction, p *command.TouchTokens) (command.Result, *directory.Error) {
	if len(p.Uses) > command.MaxTokenUses {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "", "at most %d uses at once", command.MaxTokenUses)
	}
	for i := range p.Uses {
		if len(p.Uses[i].IP) > maxIP {
			return command.Result{}, directory.Errorf(directory.KindInvalid, "ip", "an address has at most %d characters", maxIP)
		}
	}
	changed := false
	for i := range p.Uses {
		changed = touchToken(tx, &p.Uses[i]) || changed
	}
	return command.Result{Changed: changed}, nil
}

// touchToken notes one use and tells whether it was news. A door's clock may be ahead of the ledger's, a use may not.
func touchToken(tx *transaction, use *command.TokenUse) bool {
	d, ok := tx.state.Directory(use.Organization)
	if !ok {
		return false
	}
	token, ok := d.Token(use.ID)
	at := min(use.At, tx.now)
	if !ok || at <= token.LastUsed {
		return false
	}
	if d, ok = tx.state.Write(use.Organization); !ok {
		return false
	}
	next := *token
	next.LastUsed = at
	next.LastIP = strings.Clone(use.IP) // its command carries the uses of many
	tx.state.PutToken(d, &next)
	return true
}

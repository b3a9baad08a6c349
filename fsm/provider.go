package fsm

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
)

func putProvider(tx *transaction, p *command.PutProvider) (command.Result, *directory.Error) {
	if refusal := fitProvider(p); refusal != nil {
		return command.Result{}, refusal
	}
	next := directory.Provider{Issuer: p.Issuer}
	old, had := tx.state.Provider(p.Issuer)
	if had {
		next = *old
	}
	kept := next.Copy(p.Document)
	if kept.Hash() != p.Seen {
		return command.Result{}, directory.Errorf(directory.KindStale, "", "another document of the provider is kept by now")
	}
	at := min(p.Fetched, tx.now) // a door's clock may be ahead of the ledger's, a fetch may not
	news := p.Text != "" && p.Text != kept.Text
	if at <= kept.Fetched || !news && !p.Document.Confirms(kept, at) {
		return command.Result{Version: next.Version}, nil
	}
	if refusal := roomForProvider(tx, had); refusal != nil {
		return command.Result{}, refusal
	}
	if news {
		// The other document may share memory with a command or snapshot that has the one that goes.
		next.Metadata.Text, next.Keys.Text = strings.Clone(next.Metadata.Text), strings.Clone(next.Keys.Text)
		kept.Text = p.Text
		next.Moves = moved(next.Moves, p.Moves, at)
	}
	kept.Fetched, kept.Life, next.Version = at, p.Life, tx.seq
	tx.state.PutProvider(&next)
	return tx.changed(0), nil
}

// fitProvider checks what the ledger judges of a document: bounds, and nothing of its text.
func fitProvider(p *command.PutProvider) *directory.Error {
	switch {
	case p.Issuer == "" || len(p.Issuer) > directory.MaxIssuer:
		return directory.Errorf(directory.KindInvalid, "issuer", "an issuer has 1 to %d characters", directory.MaxIssuer)
	case new(directory.Provider).Copy(p.Document) == nil:
		return directory.Errorf(directory.KindInvalid, "document", "a provider has no document of this kind")
	case len(p.Text) > directory.MaxProviderDocument:
		return directory.Errorf(directory.KindTooLarge, "", "a provider's document has at most %d bytes", directory.MaxProviderDocument)
	case p.Life < 0 || p.Life > directory.MaxProviderLife:
		return directory.Errorf(directory.KindInvalid, "life", "a document is good for a day at most")
	case len(p.Moves) > directory.MaxProviderMoves:
		return directory.Errorf(directory.KindTooLarge, "moves", "at most %d endpoints move at once", directory.MaxProviderMoves)
	}
	for i := range p.Moves {
		if !p.Moves[i].Fits() {
			return directory.Errorf(directory.KindTooLarge, "moves", "the name of an endpoint or host is too long")
		}
	}
	return nil
}

// roomForProvider drops the issuers that no connection names where one more would be too many.
func roomForProvider(tx *transaction, had bool) *directory.Error {
	if had || tx.state.ProviderCount() < directory.MaxProviders {
		return nil
	}
	tx.state.DropUnusedProviders()
	if tx.state.ProviderCount() >= directory.MaxProviders {
		return directory.Errorf(directory.KindTooLarge, "", "at most %d providers are kept", directory.MaxProviders)
	}
	return nil
}

// moved gives the newest moves with those that a document tells of, in texts of their own.
func moved(moves, more []directory.ProviderMove, at directory.Time) []directory.ProviderMove {
	all := append([]directory.ProviderMove{}, moves...)
	for _, m := range more {
		all = append(all, directory.ProviderMove{
			Endpoint: strings.Clone(m.Endpoint), From: strings.Clone(m.From), To: strings.Clone(m.To), At: at,
		})
	}
	if len(all) == 0 {
		return nil
	}
	return all[max(0, len(all)-directory.MaxProviderMoves):]
}

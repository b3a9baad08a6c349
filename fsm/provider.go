package fsm

import (
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
)

// providerGrain is how much newer the same document must be for its time to be noted, so that nodes that ask a provider at
// about one time do not all write.
const providerGrain = directory.Time(3600 * 1_000_000)

func putProvider(tx *transaction, p *command.PutProvider) (command.Result, *directory.Error) {
	if p.Issuer == "" || len(p.Issuer) > directory.MaxIssuer {
		return command.Result{}, directory.Errorf(directory.KindInvalid, "issuer", "an issuer has 1 to %d characters", directory.MaxIssuer)
	}
	if max(len(p.Metadata), len(p.Keys)) > directory.MaxProviderDocument {
		return command.Result{}, directory.Errorf(directory.KindTooLarge, "", "a provider's document has at most %d bytes", directory.MaxProviderDocument)
	}
	old, had := tx.state.Provider(p.Issuer)
	if !had {
		old = new(directory.Provider)
	}
	metadata, newMetadata := newer(tx, fetched{old.Metadata, old.Fetched}, fetched{p.Metadata, p.Fetched})
	keys, newKeys := newer(tx, fetched{old.Keys, old.KeysFetched}, fetched{p.Keys, p.KeysFetched})
	if !newMetadata && !newKeys {
		return command.Result{Version: old.Version}, nil
	}
	if !had && tx.state.ProviderCount() >= directory.MaxProviders {
		tx.state.DropUnusedProviders()
		if tx.state.ProviderCount() >= directory.MaxProviders {
			return command.Result{}, directory.Errorf(directory.KindTooLarge, "", "at most %d providers are kept", directory.MaxProviders)
		}
	}
	tx.state.PutProvider(&directory.Provider{
		Issuer: p.Issuer, Metadata: metadata.text, Fetched: metadata.at, Keys: keys.text, KeysFetched: keys.at, Version: tx.seq,
	})
	return tx.changed(0), nil
}

// fetched is one of a provider's two documents.
type fetched struct {
	text string
	at   directory.Time
}

// newer picks the later of two fetches of a document and tells whether it is news. A door's clock may be ahead of the
// ledger's, a fetch may not. What is kept is copied: the other document of its command would stay alive with it.
func newer(tx *transaction, kept, next fetched) (fetched, bool) {
	next.at = min(next.at, tx.now)
	if next.text == "" || next.at <= kept.at || next.text == kept.text && next.at < kept.at+providerGrain {
		kept.text = strings.Clone(kept.text)
		return kept, false
	}
	return next, true
}

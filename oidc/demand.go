package oidc

import "domicile/directory"

const (
	promptLogin  = "login"
	promptSelect = "select_account"
)

// Demand is what an application wants of a sign-in, besides what the connection asks of its provider (Core §3.1.2.1). The
// provider is told; whether what it then says is enough is for those to judge who demanded it.
type Demand struct {
	Login  bool  // the person is to authenticate anew
	Select bool  // the person is to choose an account
	MaxAge int64 // seconds since the person authenticated; 0: no matter
}

// promptOf gives the prompt to send. It is one at most, the one that asks for most, because not every provider takes a list; and
// none that the provider does not take.
func promptOf(connection *directory.Connection, demand Demand) string {
	login := demand.Login || connection.Prompt == promptLogin
	switch {
	case login && !directory.ProviderProfileOf(connection.Issuer).NoPromptLogin:
		return promptLogin
	case login || demand.Select:
		return promptSelect
	}
	return connection.Prompt
}

// maxAgeOf gives the max_age to send, the smaller one; 0: none.
func maxAgeOf(connection *directory.Connection, demand Demand) int64 {
	if connection.MaxAge == 0 || demand.MaxAge > 0 && demand.MaxAge < connection.MaxAge {
		return demand.MaxAge
	}
	return connection.MaxAge
}

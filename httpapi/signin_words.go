package httpapi

import (
	"net/http"

	"domicile/console/ui"
	"domicile/oidc"
)

const (
	noticeUnknownAddress = "We found no single sign-on for this address in this region. Check the address, choose " +
		"another region, or use your organization’s sign-in link."
	noticeUnknownOrganization = "We found no organization with this name and single sign-on in this region. Check the " +
		"name, or choose another region."

	retryPage = "5" // seconds until a page that could not be served asks again
)

// words is what a refused sign-in looks like.
type words struct {
	status int
	page   ui.Message
}

// wordsOf gives the page of a refusal. All reasons of one class look the same, so that the page tells a stranger nothing
// about who exists; nothing that came from outside is on it.
func wordsOf(refusal *oidc.Refusal) words {
	switch {
	case refusal.Reason == oidc.ReasonPlan:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "Single sign-on is not part of your plan",
			Text:   "Your organization is known here, but its plan does not include signing in through an identity provider.",
			Advice: "Ask an owner of your organization, and give them the reference below.",
			Action: "Back to sign-in",
		}}
	case refusal.Reason == oidc.ReasonProviderAccount:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "Your identity provider did not let you in",
			Text:   "Your account there may be blocked, or a rule of your organization does not allow this sign-in.",
			Advice: "Ask your administrator, and give them the reference below.",
			Action: "Try again",
		}}
	case refusal.Reason == oidc.ReasonProviderConsent:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "This application is not approved yet",
			Text:   "Your organization’s identity provider lets people use an application only after an administrator has approved it.",
			Advice: "Ask your administrator to approve it there, and give them the reference below.",
			Action: "Try again",
		}}
	case refusal.Reason == oidc.ReasonClientSecret || refusal.Reason == oidc.ReasonClientSecretExpired:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Your organization’s sign-in needs its administrator",
			Text:   "Your identity provider does not accept us any more: the secret that we share with it was replaced, or has expired.",
			Advice: "Tell your administrator, and give them the reference below.",
			Action: "Try again",
		}}
	case refusal.Provider == "access_denied" && refusal.Reason == oidc.ReasonProviderRefused:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "Sign-in was not completed",
			Text:   "Your identity provider reported that access was denied or that the sign-in was cancelled.",
			Advice: "If you did not cancel, ask your administrator whether this application is assigned to you.",
			Action: "Try again",
		}}
	case refusal.Reason == oidc.ReasonProviderRefused:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Your identity provider could not sign you in",
			Text:   "It reported an error to us instead of who you are.",
			Advice: "Try again in a moment. If it stays like this, give your administrator the reference below.",
			Action: "Try again",
		}}
	case refusal.Reason == oidc.ReasonProviderDown:
		return words{http.StatusServiceUnavailable, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Your identity provider does not answer",
			Text:   "We could not reach your organization’s identity provider.",
			Advice: "Try again in a moment. If it stays like this, give your administrator the reference below.",
			Action: "Try again",
		}}
	}
	return wordsOfClass(refusal.Reason.Class())
}

// comesAgain tells whether a callback may be one that came before, by "back" or "reload" say.
func comesAgain(reason oidc.Reason) bool {
	return reason == oidc.ReasonReplayed || reason == oidc.ReasonTransactionMissing
}

// wordsFinished is for a callback that comes again in a browser that is signed in. The one before may also have failed, or be under
// way still: whoever is not signed in starts again.
func wordsFinished() words {
	return words{http.StatusBadRequest, ui.Message{
		Tone: ui.ToneCalm, Heading: "This sign-in was finished already",
		Text: "A sign-in works once. Nothing is wrong, and nothing has changed: continue where you were.", Action: "Continue",
		Link: "/",
	}}
}

func wordsOfClass(class oidc.Class) words {
	switch class {
	case oidc.ClassInvalid:
		return words{http.StatusBadRequest, ui.Message{
			Tone: ui.ToneTrouble, Heading: "This sign-in link does not work",
			Text: "The address that brought you here is incomplete or was changed on the way.", Action: "Start again",
		}}
	case oidc.ClassExpired:
		return words{http.StatusBadRequest, ui.Message{
			Tone: ui.ToneNotice, Heading: "This sign-in has expired",
			Text: "It took too long, was finished already, or was begun in another browser. Nothing is wrong: start again.", Action: "Start again",
		}}
	case oidc.ClassProvider:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Your identity provider’s answer was not accepted",
			Text:   "You were not signed in, because we could not verify what your organization’s identity provider sent.",
			Advice: "Try again. If it stays like this, give your administrator the reference below.",
			Action: "Try again",
		}}
	case oidc.ClassNotProvisioned:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "You don’t have access yet",
			Text: "Your identity provider knows you, but your organization has not assigned you to this application.",
			Advice: "Ask your administrator to assign you, and give them the reference below. New assignments can take a few " +
				"minutes to arrive. If you meant to use another account, sign out at your identity provider first.",
			Action: "Back to sign-in",
		}}
	case oidc.ClassUnavailable:
		return words{http.StatusServiceUnavailable, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Sign-in is briefly unavailable",
			Text: "This region cannot finish a sign-in right now. It usually takes a few seconds.", Action: "Try again",
		}}
	default:
		return words{http.StatusInternalServerError, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Something went wrong on our side",
			Text: "You were not signed in. The reference below lets us find out why.", Action: "Try again",
		}}
	}
}

package httpapi

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"domicile/console/ui"
	"domicile/oidc/local"
	"domicile/telemetry"
)

const (
	noticeRecovery = "This is not an e-mail address and a recovery code. A recovery code has 20 letters and digits, in four groups."
	noticeMail     = "This is not an e-mail address, or not the name of an organization."
	noticeCode     = "This is not the code that we mailed, if we mailed one. Check the newest mail, and type all eight digits. " +
		"After five tries a code does not work any more: start again to get another one."
	noticePasskey = "The passkey was not added. Try again; if it stays like this, use another one."
	noticeFull    = "The passkey was not added, because you have as many as there may be. Remove one first."
)

// refuseLocal shows why nobody was signed in, or why nothing was changed: a fixed text by class of reason, and a reference.
// back is where to start again.
func (a *api) refuseLocal(c *gin.Context, err error, back string) error {
	refusal, ok := errors.AsType[*local.Refusal](err)
	if !ok {
		return err
	}
	telemetry.EventFrom(c.Request.Context()).SetError(string(refusal.Reason))
	words := wordsOfLocal(refusal)
	if refusal.Reason == local.ReasonReplayed && a.signedIn(c) {
		words = wordsFinished()
	}
	page := words.page
	page.Frame, page.Reference = a.frame(page.Heading), refusal.Reference
	if page.Action != "" && page.Link == "" {
		page.Link = back
	}
	if words.status == http.StatusServiceUnavailable {
		c.Writer.Header().Set("Retry-After", retryPage)
	}
	return a.show(c, words.status, page)
}

// wordsOfLocal gives the page of a refusal. All reasons of one class look the same, so that the page tells a stranger
// nothing about who exists.
func wordsOfLocal(refusal *local.Refusal) words {
	switch refusal.Reason.Class() {
	case local.ClassExpired:
		return words{http.StatusBadRequest, ui.Message{
			Tone: ui.ToneNotice, Heading: "This sign-in has expired",
			Text: "It took too long, or was begun in another browser. Nothing is wrong: start again.", Action: "Start again",
		}}
	case local.ClassRefused:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "You were not signed in",
			Text:   "What you used is not accepted here, or not any more.",
			Advice: "Try another way. If you think that this is wrong, ask an owner of your organization, and give them the reference below.",
			Action: "Start again",
		}}
	case local.ClassLink:
		return words{http.StatusNotFound, ui.Message{
			Tone: ui.ToneNotice, Heading: "This link does not work any more",
			Text:   "It was used already, is older than 24 hours, a newer one was mailed, or it was cut off on its way to you.",
			Advice: "Ask an owner of your organization, or whoever runs this service, to send you a new one.",
		}}
	case local.ClassNotYours:
		return words{http.StatusForbidden, ui.Message{
			Tone: ui.ToneNotice, Heading: "There is nothing to manage here",
			Text:   "Passkeys and recovery codes are for people who sign in without an identity provider, and you have signed in another way.",
			Action: "Continue", Link: "/",
		}}
	case local.ClassUnavailable:
		return words{http.StatusServiceUnavailable, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Sign-in is briefly unavailable",
			Text: "This region cannot answer right now. It usually takes a few seconds.", Action: "Try again",
		}}
	default:
		return words{http.StatusInternalServerError, ui.Message{
			Tone: ui.ToneTrouble, Heading: "Something went wrong on our side",
			Text: "Nothing was changed. The reference below lets us find out why.", Action: "Try again",
		}}
	}
}

package jobs

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"domicile/directory"
	"domicile/fsm/state"
	"domicile/jobs/post"
)

// kindNames are the kinds of errands as metrics and logs call them.
var kindNames = [...]string{
	0:                              "unknown",
	directory.ErrandRequest:        "request",
	directory.ErrandSecret:         "secret",
	directory.ErrandBreakGlass:     "break_glass",
	directory.ErrandBreakGlassList: "break_glass_list",
	directory.ErrandDomain:         "domain",
	directory.ErrandLogout:         "logout",
	directory.ErrandCredentials:    "credentials",
	directory.ErrandSetup:          "setup",
	directory.ErrandConnection:     "connection",
}

// kindDomainLost is of those about domains the one that alerts look for.
const kindDomainLost = "domain_lost"

// kindOf names the kind of an errand, with a word of errandKinds.
func kindOf(e *directory.Errand) string {
	switch {
	case e.Kind == directory.ErrandDomain && e.Detail == directory.DomainLost.String():
		return kindDomainLost
	case int(e.Kind) < len(kindNames):
		return kindNames[e.Kind]
	}
	return kindNames[0]
}

func errandKinds() []string { return append(kindNames[1:], kindDomainLost) }

// teller writes the mails about errands.
type teller struct {
	region    directory.Region
	operators []string
}

// addressOf is where a region's API is to whoever is signed in: the origin of the sign-in page, to which session cookies belong.
func addressOf(region directory.Region) string {
	if page, err := url.Parse(region.LoginURL); err == nil && page.Host != "" {
		return page.Scheme + "://" + page.Host
	}
	return region.URL
}

// notice is the fixed text about a kind of errand. In the texts {organization} is its name, {subject} and {detail} are the
// errand's, and {issuer} is the identity provider of the connection or request that it is about.
type notice struct {
	kind     directory.ErrandKind
	detail   string // of the errands that it fits; empty: of all
	to       audience
	subject  string
	happened string
	advice   string
	where    string // path below the organization's
}

// audience gives the addresses that an errand concerns, as they come.
type audience func(t teller, org *directory.Organization, e *directory.Errand) []string

func operators(t teller, _ *directory.Organization, _ *directory.Errand) []string { return t.operators }

func owner(_ teller, org *directory.Organization, _ *directory.Errand) []string {
	return []string{org.RootEmail}
}

// keepers are the owner and whoever may sign in when the identity provider fails, or could before the list changed.
func keepers(_ teller, org *directory.Organization, e *directory.Errand) []string {
	to := append([]string{org.RootEmail}, org.BreakGlass...)
	if e.Kind == directory.ErrandBreakGlassList {
		to = append(to, strings.Split(e.Detail, ", ")...)
	}
	return to
}

// holder is whose credentials they are, and the owner.
func holder(_ teller, org *directory.Organization, e *directory.Errand) []string {
	return []string{e.Subject, org.RootEmail}
}

// notices are looked at from the top; the first that fits is sent.
var notices = [...]notice{
	{
		directory.ErrandRequest, "submitted", operators, "A connection request of {organization} waits for your review",
		"the owner of {organization} asks to sign people in through {issuer}.",
		"compare the request with what is in force, then approve it or ask for changes.",
		"/connection-requests/{subject}",
	}, {
		directory.ErrandRequest, "draft", owner, "Your connection request is a draft again",
		"the request to sign people of {organization} in through {issuer} was taken back for changes. What was in force before still is.",
		"submit the request again when it is ready.",
		"/connection-requests/{subject}",
	}, {
		directory.ErrandRequest, "changes_requested", owner, "Your connection request needs changes",
		"the request to sign people of {organization} in through {issuer} was reviewed, and something has to change first.",
		"read what the reviewer says, change the request and submit it again.",
		"/connection-requests/{subject}",
	}, {
		directory.ErrandRequest, "approved", owner, "Your connection request is approved",
		"the request to sign people of {organization} in through {issuer} was reviewed and approved. It is not in force yet.",
		"activate it when your people are ready.",
		"/connection-requests/{subject}",
	}, {
		directory.ErrandRequest, "active", owner, "Your connection is active",
		"people of {organization} sign in through {issuer} from now on.",
		"sign in once yourself to see that it works. If it does not, sign in with break-glass access and correct it, or ask whoever " +
			"runs the service to turn it off.",
		"/connection-requests/{subject}",
	}, {
		directory.ErrandRequest, "disabled", owner, "Your connection is disabled",
		"nobody of {organization} signs in through {issuer} any more, and the sessions that were opened so have ended.",
		"nothing, if you asked for it. Otherwise ask whoever runs the service, who can turn it on again.",
		"/connection-requests/{subject}",
	}, {
		directory.ErrandSecret, "", owner, "A client secret or certificate of {organization} expires soon",
		"the client secret, or our certificate, with which {organization} is connected to {issuer} is valid until {detail}. After " +
			"that nobody can sign in.",
		"make a new client secret at the identity provider and set it here, or upload our newest certificate there. The old one " +
			"is still tried as well, so nobody is locked out in between.",
		"/connections/{subject}",
	}, {
		directory.ErrandConnection, directory.DetailAlgorithmOffered, owner, "{issuer} signs in another way than before",
		"{issuer} sent {organization} a token that was good but for its signing algorithm, which is another one than people signed in " +
			"with before. It was refused, and so is every other one like it, because the provider still announces the algorithm before.",
		"ask whoever runs the identity provider whether the change was meant. If so, accept the algorithm that the connection shows as " +
			"algorithm_offered; if not, set it back there.",
		"/connections/{subject}",
	}, {
		directory.ErrandConnection, directory.DetailAlgorithmMoved, owner, "{issuer} signs in another way than before",
		"{issuer} signs the tokens for {organization} with another algorithm than before, and announces the one before no longer. People " +
			"go on signing in.",
		"nothing, if the change was meant. Otherwise ask whoever runs the identity provider.",
		"/connections/{subject}",
	}, {
		directory.ErrandConnection, "", owner, "A connection of {organization} changed",
		"at connection {subject} of {organization}, to {issuer}: {detail}. Whoever runs the service did it, or somebody who replaced " +
			"its client secret here.",
		"nothing, if you know why. Otherwise look in the audit log, and ask whoever runs the service.",
		"/audit",
	}, {
		directory.ErrandBreakGlass, "", keepers, "Break-glass access to {organization} was used",
		"{subject} signed in with break-glass access. Such a session lasts an hour at most and reaches the settings of connections only.",
		"nothing, if you know why. Otherwise end the session, and replace the passkeys and recovery codes of that address.",
		"/sessions",
	}, {
		directory.ErrandBreakGlassList, "", keepers, "The break-glass addresses of {organization} changed",
		"the list of addresses that may sign in to {organization} when its identity provider fails is another one now.",
		"nothing, if you know why. Otherwise correct the list, and look in the audit log for who changed it.",
		"",
	}, {
		directory.ErrandDomain, "verified", owner, "{subject} is yours",
		"the DNS record of {subject} was found. People with an address in it are led to {organization} when they sign in.",
		"nothing. Leave the record where it is: it is looked for again every week.",
		"/domains/{subject}",
	}, {
		directory.ErrandDomain, "missed", owner, "The DNS record of {subject} is missing",
		"the DNS record that shows that {subject} belongs to {organization} was not found. It is looked for every day now, and " +
			"after a week without it {organization} loses the domain.",
		"put the TXT record at _domicile-challenge.{subject} back as it was.",
		"/domains/{subject}",
	}, {
		directory.ErrandDomain, "lost", owner, "{organization} lost {subject}",
		"the DNS record of {subject} has been missing for a week. People with an address in it are not led to {organization} any " +
			"more, and cannot be recognized by it.",
		"put the TXT record at _domicile-challenge.{subject} back, and have the domain verified again.",
		"/domains/{subject}",
	}, {
		directory.ErrandCredentials, "", holder, "The sign-in credentials of {subject} changed",
		"at {organization}, for {subject}: {detail}.",
		"nothing, if it was you. Otherwise tell the owner of {organization} at once, who can remove passkeys, replace recovery " +
			"codes and end sessions.",
		"/audit",
	},
}

// aside is what somebody reads who is told of an errand besides the owner: a break-glass session opens the settings of sign-in and
// nothing else, and whoever is not on the list any more opens nothing.
type aside struct {
	advice string
	where  string // path below the organization's that a break-glass session may ask for; nowhere: there is none
}

const nowhere = "-"

// asides has a row for each kind of errand of which others than the owner and the operator are told.
var asides = map[directory.ErrandKind]aside{
	directory.ErrandBreakGlass: {
		"nothing, if you know why. Otherwise tell the owner of {organization} at once, who can end the session, and replace the passkeys and " +
			"recovery codes of that address. With a session of your own you can see whether a connection was changed.",
		"/connection-requests",
	},
	directory.ErrandBreakGlassList: {
		"nothing, if you know why. Otherwise tell the owner of {organization} at once, who can correct the list and look in the audit log " +
			"for who changed it. With a break-glass session you can see the list.",
		"",
	},
	directory.ErrandCredentials: {
		"nothing, if it was you. Otherwise tell the owner of {organization} at once, who can remove passkeys, replace recovery codes and " +
			"end sessions.",
		nowhere,
	},
}

// guide gives what an address is to do about an errand, and where it can look; nowhere where it cannot.
func (n *notice) guide(org *directory.Organization, address string) (advice, where string) {
	others, ok := asides[n.kind]
	switch {
	case !ok || address == org.RootEmail:
		return n.advice, n.where
	case org.Stands(address) != directory.StandingBreakGlass:
		return others.advice, nowhere
	default:
		return others.advice, others.where
	}
}

// letters gives the mails about an errand, one to each address; none where there is nobody to tell.
func (t teller) letters(view *state.View, e *directory.Errand) []post.Letter {
	d, known := view.Directory(e.Organization)
	i := slices.IndexFunc(notices[:], func(n notice) bool {
		return n.kind == e.Kind && (n.detail == "" || n.detail == e.Detail)
	})
	if !known || i < 0 {
		return nil
	}
	n, org := &notices[i], d.Organization()
	fill := strings.NewReplacer("{organization}", org.Name, "{subject}", e.Subject, "{detail}", readable(e.Detail),
		"{issuer}", issuerOf(d, e)).Replace
	var opening strings.Builder
	fmt.Fprintf(&opening, "%s, region %s (%s), %s\n\n", org.Name, t.region.Name, t.region.ID, instant(e.At).Format(moment))
	fmt.Fprintf(&opening, "What happened: %s\n", fill(n.happened))
	if note := noteOf(d, e); note != "" {
		fmt.Fprintf(&opening, "The reviewer says: %s\n", note)
	}

	var letters []post.Letter
	to := slices.DeleteFunc(slices.Clone(n.to(t, org, e)), func(address string) bool { return address == "" })
	slices.Sort(to)
	for _, address := range slices.Compact(to) {
		advice, where := n.guide(org, address)
		text := opening.String() + "What to do: " + fill(advice) + "\n"
		if where != nowhere {
			text += fmt.Sprintf("\nWhere:\n    GET %s/api/v1/organizations/%s%s\n", addressOf(t.region), org.ID, fill(where))
		}
		letters = append(letters, post.Letter{
			ID: fmt.Sprintf("errand.%s.%d.%d", org.ID, e.Seq, e.Ordinal), To: address, Subject: fill(n.subject), Text: text,
		})
	}
	return letters
}

// moment is how mails write times.
const moment = "2006-01-02 15:04:05 MST"

// readable writes a time as mails do, and leaves other texts.
func readable(detail string) string {
	at, err := time.Parse(time.RFC3339, detail)
	if err != nil {
		return detail
	}
	return at.UTC().Format(moment)
}

// issuerOf is the identity provider that an errand is about, as far as that is still there.
func issuerOf(d *state.Directory, e *directory.Errand) string {
	if connection, ok := d.Connection(directory.ConnectionID(e.Subject)); ok {
		return connection.Issuer
	}
	if request, ok := d.Request(directory.ConnectionRequestID(e.Subject)); ok {
		return request.Issuer
	}
	return "an identity provider"
}

// noteOf is what the reviewer said with the step that an errand tells of.
func noteOf(d *state.Directory, e *directory.Errand) string {
	request, ok := d.Request(directory.ConnectionRequestID(e.Subject))
	if !ok || e.Kind != directory.ErrandRequest || request.State.String() != e.Detail {
		return ""
	}
	if request.State != directory.RequestReturned && request.State != directory.RequestApproved {
		return ""
	}
	return request.Note
}

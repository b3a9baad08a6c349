package console

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"domicile/directory"
	"domicile/fsm/command"
)

// Link is an identity at a provider that is tied to a user.
type Link struct {
	*directory.Link
	ID       string // names it in an address
	UserName string
}

// LinkPage is one page of links, by connection and subject.
type LinkPage struct {
	Links         []Link
	NextPageToken string // "" on the last page
}

// ListLinks gives one page of an organization's links. Errors: KindInvalid, KindNotFound.
func (s *Service) ListLinks(ctx context.Context, org directory.OrganizationID, p Paging) (LinkPage, error) {
	size, after, err := p.bounds()
	if err != nil {
		return LinkPage{}, err
	}
	last := strings.Split(after, "\x00")
	if after != "" && len(last) != 3 {
		return LinkPage{}, badPageToken()
	}
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return LinkPage{}, err
	}
	rest := where(d.Links(), func(l *directory.Link) bool {
		return after == "" || slices.Compare(linkParts(l), last) > 0
	})
	links, next := take(rest, size, func(l *directory.Link) string { return strings.Join(linkParts(l), "\x00") })
	page := LinkPage{NextPageToken: next}
	for _, link := range links {
		row := Link{Link: link, ID: linkID(link)}
		if user, ok := d.User(link.User); ok {
			row.UserName = user.UserName
		}
		page.Links = append(page.Links, row)
	}
	return page, nil
}

// LinksOf gives the links of one user, oldest first. Errors: KindNotFound.
func (s *Service) LinksOf(ctx context.Context, org directory.OrganizationID, id directory.ResourceID) ([]Link, error) {
	d, err := s.directoryOf(ctx, org)
	if err != nil {
		return nil, err
	}
	user, ok := d.User(id)
	if !ok {
		return nil, noUser(id)
	}
	var links []Link
	for link := range d.LinksOf(id) {
		links = append(links, Link{Link: link, ID: linkID(link), UserName: user.UserName})
	}
	slices.SortStableFunc(links, func(a, b Link) int { return cmp.Compare(a.Created, b.Created) })
	return links, nil
}

// DeleteLink unties an identity from a user and ends the user's sessions that came through its connection. At the next
// sign-in the identity is tied anew, by the same rules as the first time. Errors: KindNotFound.
func (s *Service) DeleteLink(
	ctx context.Context, actor string, org directory.OrganizationID, user directory.ResourceID, id string,
) error {
	links, err := s.LinksOf(ctx, org, user)
	if err != nil {
		return err
	}
	for _, link := range links {
		if link.ID == id {
			_, err := s.propose(ctx, actor, org, &command.DeleteLink{
				Connection: link.Connection, Issuer: link.Issuer, Subject: link.Subject,
			})
			return err
		}
	}
	return directory.Errorf(directory.KindNotFound, "", "the user has no sign-in link %q", id)
}

func linkParts(l *directory.Link) []string {
	return []string{string(l.Connection), l.Issuer, l.Subject}
}

// linkID names a link in an address, where what identifies it does not fit: a subject may be any text.
func linkID(l *directory.Link) string {
	sum := sha256.Sum256([]byte(strings.Join(linkParts(l), "\x00")))
	return hex.EncodeToString(sum[:16])
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// audit stops the clients between two steps, looks at everything on every node, and compares the nodes. What is wrong
// becomes a fault.
func (s *side) audit(ctx context.Context) {
	s.gate.Lock()
	defer s.gate.Unlock()
	for _, b := range s.books {
		for _, p := range s.places {
			found, err := s.walk(ctx, b, p)
			if err != nil {
				s.score.fault("audit of %s: %v", p.node.Name, err)
				continue
			}
			for _, fault := range found.compare(b) {
				s.score.fault("audit of %s: %s", p.node.Name, fault)
			}
		}
	}
	if err := s.compareDigests(ctx); err != nil {
		s.score.fault("%v", err)
	}
}

// inventory is all of an organization, as one node showed it.
type inventory struct {
	byName, byExternalID map[string][]user
	members              map[string]bool
	total, listed        int
}

// auditPage is how many users the audit asks for at a time.
const auditPage = 500

// walk pages through the users of an organization and reads its group.
func (s *side) walk(ctx context.Context, b *book, p *place) (*inventory, error) {
	c := newClient(s.places, b.token)
	defer c.close()
	get := func(path string) (answer, error) {
		a := c.do(p.index, http.MethodGet, "/scim/v2/"+b.organization+path, nil)
		if a.status != http.StatusOK {
			return a, fmt.Errorf("GET %s: %s %d %v: %.300s", path, a.outcome, a.status, a.err, a.body)
		}
		return a, ctx.Err()
	}
	found := &inventory{byName: map[string][]user{}, byExternalID: map[string][]user{}}
	for {
		query := url.Values{"startIndex": {fmt.Sprint(found.listed + 1)}, "count": {fmt.Sprint(auditPage)}}
		a, err := get("/Users?" + query.Encode())
		if err != nil {
			return nil, err
		}
		users, total, err := decodeList(a.body)
		if err != nil {
			return nil, err
		}
		found.add(users, total)
		if len(users) == 0 || found.listed >= total {
			break
		}
	}
	a, err := get("/Groups/" + b.group)
	if err != nil {
		return nil, err
	}
	found.members, err = decodeMembers(a.body)
	return found, err
}

func (i *inventory) add(users []user, total int) {
	i.total = total
	i.listed += len(users)
	for _, u := range users {
		i.byName[u.UserName] = append(i.byName[u.UserName], u)
		i.byExternalID[u.ExternalID] = append(i.byExternalID[u.ExternalID], u)
	}
}

// compare says, a line each, where the inventory contradicts the book. No client may be at work.
func (i *inventory) compare(b *book) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	known := map[string]bool{}
	once := func(userName, externalID string, r *register, shows func(n int) func(int64) bool) {
		known[userName] = true
		named, tagged := len(i.byName[userName]), len(i.byExternalID[externalID])
		if named > 1 || tagged != named {
			fault("%s is there %d times by name and %d times by external id", userName, named, tagged)
		}
		if err := r.observe(r.floor(), shows(named)); err != nil {
			fault("%s is there %d times: it %v", userName, named, err)
		}
	}
	for _, c := range b.counters {
		once(c.userName, c.userName, &c.register, func(n int) func(int64) bool {
			if n == 0 {
				return c.shows("")
			}
			return c.shows(i.byName[c.userName][0].DisplayName)
		})
	}
	for _, l := range b.allLives() {
		once(l.userName, l.externalID, &l.register, func(n int) func(int64) bool { return l.shows(n > 0) })
	}
	for _, l := range b.links {
		if err := l.observe(l.floor(), l.shows(i.members[l.member])); err != nil {
			fault("membership %v of %s: it %v", i.members[l.member], l.member, err)
		}
	}
	for name := range i.byName {
		if !known[name] {
			fault("nobody created %s", name)
		}
	}
	if i.listed != i.total {
		fault("%d users were listed, totalResults is %d", i.listed, i.total)
	}
	return faults
}

// digestTimeout is how long nodes that nobody writes to may take to have the same seq.
const digestTimeout = 10 * time.Second

// compareDigests waits until all nodes are at the same seq and compares what they hold.
func (s *side) compareDigests(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	for {
		seqs, digests := map[uint64]string{}, map[string]string{}
		for _, p := range s.places {
			seq, digest, err := p.node.Digest(ctx)
			if err != nil {
				return fmt.Errorf("digest of %s: %w", p.node.Name, err)
			}
			seqs[seq] = digest
			digests[digest] = p.node.Name
		}
		switch {
		case len(seqs) == 1 && len(digests) == 1:
			return nil
		case len(seqs) == 1:
			return fmt.Errorf("DIGESTS differ at the same seq: %v", digests)
		}
		if rest(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the nodes do not reach the same seq in %s: %v", digestTimeout, seqs)
		}
	}
}

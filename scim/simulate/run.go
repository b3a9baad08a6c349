package simulate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"domicile/seal"
)

// Config says what to simulate. Dialect, Base and Token are required, and so is at least one user.
type Config struct {
	Dialect Dialect
	Base    string // SCIM base URL, to which /Users is appended
	Token   seal.Secret

	Users, Groups int    // in the initial cycle; dialects without groups make none
	Cycles        int    // incremental cycles after it
	Seed          uint64 // the same seed makes the same directory and the same changes

	Concurrency int           // requests under way; 0: the dialect's
	Rate        float64       // requests a second; 0: as fast as the concurrency allows
	MaxWait     time.Duration // cuts a provider's longest waits, which are minutes and hours; 0: 15 s
	CleanUp     bool          // delete everything at the end
	Client      *http.Client  // nil: one that follows no redirects
	Progress    func(Progress)
}

// Progress tells how far a phase is. It comes from several goroutines, but one at a time.
type Progress struct {
	Phase       string
	Done, Total int
}

// session is one run.
type session struct {
	Config
	plan   plan
	wire   *wire
	found  findings
	report *Report

	roster           Roster
	people           []known     // by key
	teams            []knownTeam // by key
	chunk            int         // members in one request to change a group
	connected, began bool        // the connection test passed; the initial cycle is over
}

// known is what the provider believes about a person's user. One task at a time uses it.
type known struct {
	id      string
	values  values
	certain bool   // the server said so, and nothing is under way
	unsure  bool   // a create was cut off
	former  string // the id of the user that was deleted, for people who may come back
}

// knownTeam is what the provider believes about a team's group.
type knownTeam struct {
	id, name string
	members  map[int]bool
	certain  bool
	unsure   bool
}

const defaultMaxWait = 15 * time.Second

// Run provisions the made-up directory, changes it cycle by cycle, and compares the server's directory with what the provider
// believes. A report without an error may still have differences; an error is a run that could not be done: a wrong address,
// a refused token, or a context that ended. The report is never nil.
func Run(ctx context.Context, c Config) (*Report, error) {
	s, err := newSession(c)
	if err != nil {
		return &Report{}, err
	}
	began := time.Now()
	err = s.run(ctx)
	s.report.Duration = time.Since(began)
	s.wire.tally.fill(s.report)
	s.report.RequestsPerSecond = float64(s.report.Requests) / s.report.Duration.Seconds()
	s.report.Differences = s.found.sorted()
	s.report.Equal = err == nil && len(s.report.Differences) == 0
	return s.report, err
}

func newSession(c Config) (*session, error) {
	base, err := url.Parse(c.Base)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("the base URL must look like https://us.example.com/scim/v2/ID")
	}
	if c.Users < 1 || c.Groups < 0 || c.Cycles < 0 || c.Rate < 0 || c.Concurrency < 0 {
		return nil, errors.New("there must be at least one user, and no number below zero")
	}
	if c.Dialect.probe == nil {
		return nil, errors.New("no dialect")
	}
	if !c.Dialect.Groups() {
		c.Groups = 0
	}
	if c.Concurrency == 0 {
		c.Concurrency = c.Dialect.Concurrency
	}
	if c.MaxWait == 0 {
		c.MaxWait = defaultMaxWait
	}
	if c.Client == nil {
		c.Client = newClient(c.Concurrency)
	}
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	name := fmt.Sprintf("%s-%d", c.Dialect.Name, c.Seed)
	// An administrator may paste Entra's flag, or any question, with the address.
	c.Base = strings.TrimRight(strings.TrimSuffix(c.Base, "?"+base.RawQuery), "/")
	return &session{
		Config: c,
		plan: plan{
			seed: c.Seed, people: c.Users, teams: c.Groups, domain: name + ".simulated.example", mark: "(" + name + ")",
			externalID: c.Dialect.people.externalID, deletes: !c.Dialect.people.keeps, clears: c.Dialect.people.clears,
		},
		wire: &wire{
			manner: c.Dialect.manner, base: c.Base, token: c.Token, client: c.Client, slots: make(chan struct{}, c.Concurrency),
			pace: newPace(c.Rate), maxWait: c.MaxWait, tally: &tally{counts: make(map[counter]int)},
		},
		report: &Report{Dialect: c.Dialect.Name, Base: c.Base, Seed: c.Seed, Cycles: c.Cycles},
	}, nil
}

// newClient keeps as many connections as there are requests under way, and keeps the token from other hosts.
func newClient(concurrency int) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = concurrency+1, concurrency+1
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *session) run(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("test connection: %w", err)
	}
	s.connected = true
	if err := s.sweep(ctx, "left from before"); err != nil {
		return err
	}
	s.roster = s.plan.first()
	if err := s.cycle(ctx, "initial"); err != nil {
		return err
	}
	s.began = true
	for n := range s.Cycles {
		s.roster = s.plan.next(s.roster, n+1)
		if err := s.cycle(ctx, fmt.Sprintf("cycle %d", n+1)); err != nil {
			return err
		}
	}
	if err := s.verify(ctx); err != nil {
		return err
	}
	if !s.CleanUp {
		return nil
	}
	s.report.CleanedUp = true
	return s.sweep(ctx, "clean up")
}

// cycle brings the server to the roster: users before groups before memberships, and managers when all users have ids.
func (s *session) cycle(ctx context.Context, name string) error {
	s.people = append(s.people, make([]known, len(s.roster.People)-len(s.people))...)
	s.teams = append(s.teams, make([]knownTeam, len(s.roster.Teams)-len(s.teams))...)
	steps := []struct {
		name  string
		tasks func() []task
	}{
		{"survey", s.surveys},
		{"users", func() []task { return s.userTasks(false) }},
		{"managers", func() []task { return s.userTasks(true) }},
		{"deletions", s.deletions},
		{"groups", s.groupTasks},
		{"memberships", s.membershipTasks},
	}
	for _, step := range steps {
		if err := s.phase(ctx, name+": "+step.name, step.tasks()); err != nil {
			return err
		}
	}
	return nil
}

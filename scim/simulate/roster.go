package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Person is one made-up person. Empty texts are attributes without a value.
type Person struct {
	Key                    int // the person's place in the roster, for ever
	Given, Family          string
	UserName, ExternalID   string
	Title, Department      string
	Phone, Mobile          string
	EmployeeNumber, Locale string
	Manager                int // the key of another person, or nobody
	Active                 bool
	Gone                   bool // deleted; may come back as a new user of the same name
	managerID              string
}

// DisplayName is how people call the person.
func (p *Person) DisplayName() string { return p.Given + " " + p.Family }

// Team is one made-up group.
type Team struct {
	Key              int
	Name, ExternalID string
	Members          map[int]bool // keys of people
	Gone             bool
}

// Roster is a made-up directory at one moment.
type Roster struct {
	People []Person
	Teams  []Team
}

// plan is what a roster is made from: the same plan makes the same rosters.
type plan struct {
	seed          uint64
	people, teams int
	domain        string // of all user names; no real directory has it
	mark          string // at the end of all group names
	externalID    func(seed uint64, key int) string
	deletes       bool // the provider deletes users at some time
	clears        bool // the provider takes away the value of an attribute
}

const nobody = -1

// Purposes of dice.
const (
	forPeople = iota + 1
	forTeams
	forCycle
)

// first is the directory of the initial cycle.
func (p *plan) first() Roster {
	var r Roster
	for range p.people {
		r.People = append(r.People, p.recruit(len(r.People)))
	}
	for range p.teams {
		r.Teams = append(r.Teams, p.found(&r, len(r.Teams)))
	}
	return r
}

func (p *plan) recruit(key int) Person {
	d := roll(p.seed, forPeople, uint64(key))
	n := Person{
		Key: key, ExternalID: p.externalID(p.seed, key), Manager: nobody, Active: d.below(50) != 0,
		Title: one(d, titles), Department: one(d, departments), EmployeeNumber: fmt.Sprintf("E%06d", key+1),
		Locale: one(d, locales),
	}
	if d.below(4) != 0 {
		n.Phone = fmt.Sprintf("+1-555-%04d", key%10000)
	}
	if d.below(3) == 0 {
		n.Mobile = fmt.Sprintf("+49 151 %07d", key)
	}
	if key > 0 {
		n.Manager = d.below(min(key, key/8+1)) // a tree of about eight reports each
	}
	p.name(&n, one(d, givenNames), one(d, familyNames))
	return n
}

// name gives a person a name and the user name that follows from it. The key keeps user names apart, and every thirteenth
// person has a character in it that careless servers decode twice.
func (p *plan) name(n *Person, given, family string) {
	n.Given, n.Family = display(given), display(family)
	joint := "."
	if n.Key%13 == 12 {
		joint = "+"
	}
	n.UserName = fmt.Sprintf("%s%s%s%d@%s", handle(given), joint, handle(family), n.Key, p.domain)
}

// found makes a team: the first has a quarter of all people, each further one less, none under three.
func (p *plan) found(r *Roster, key int) Team {
	d := roll(p.seed, forTeams, uint64(key))
	t := Team{Key: key, Members: make(map[int]bool), ExternalID: p.externalID(p.seed, -1-key)}
	t.Name = p.teamName(d, key)
	size := min(max(3, len(r.People)/(4*(key+1))), len(r.People))
	members, _ := draw(d, r.keys(func(n *Person) bool { return !n.Gone }), size)
	for _, m := range members {
		t.Members[m] = true
	}
	return t
}

func (p *plan) teamName(d *dice, key int) string {
	return fmt.Sprintf("%s %s %d %s", one(d, places), one(d, departments), key+1, p.mark)
}

func (r *Roster) keys(which func(*Person) bool) []int {
	var keys []int
	for i := range r.People {
		if which(&r.People[i]) {
			keys = append(keys, i)
		}
	}
	return keys
}

func (r *Roster) teamKeys(which func(*Team) bool) []int {
	var keys []int
	for i := range r.Teams {
		if which(&r.Teams[i]) {
			keys = append(keys, i)
		}
	}
	return keys
}

func (r *Roster) clone() Roster {
	c := Roster{People: slices.Clone(r.People), Teams: slices.Clone(r.Teams)}
	for i := range c.Teams {
		c.Teams[i].Members = maps.Clone(c.Teams[i].Members)
	}
	return c
}

// share is a percentage of n, but at least one of what there is.
func share(n, percent int) int { return min(n, max(1, n*percent/100)) }

// next is the directory after the changes of one incremental cycle.
func (p *plan) next(r Roster, cycle int) Roster {
	r, d := r.clone(), roll(p.seed, forCycle, uint64(cycle))
	present := len(r.keys(func(n *Person) bool { return !n.Gone }))
	p.changePeople(&r, d, present)
	p.leaveAndReturn(&r, d)
	for range share(present, 2) {
		hired := p.recruit(len(r.People))
		hired.Active = true
		r.People = append(r.People, hired)
	}
	r.replaceManagers(d)
	p.changeTeams(&r, d)
	return r
}

// changePeople marries, promotes, moves and suspends; nobody twice.
func (p *plan) changePeople(r *Roster, d *dice, present int) {
	rest := r.keys(func(n *Person) bool { return n.Active && !n.Gone })
	var chosen []int
	chosen, rest = draw(d, rest, share(present, 2))
	for _, k := range chosen {
		p.name(&r.People[k], one(d, givenNames), one(d, familyNames))
	}
	chosen, rest = draw(d, rest, share(present, 5))
	for i, k := range chosen {
		n := &r.People[k]
		n.Title, n.Department = one(d, titles)+" II", one(d, departments)
		n.Mobile = fmt.Sprintf("+33 6 %08d", d.below(1e8))
		if p.clears && i%2 == 0 {
			n.Phone = ""
		}
	}
	chosen, rest = draw(d, rest, max(2, share(present, 3))) // one to come back, one to go
	for _, k := range chosen {
		r.People[k].Active = false
	}
	chosen, rest = draw(d, rest, share(present, 2))
	for _, k := range chosen {
		if boss, _ := draw(d, rest, 1); len(boss) == 1 && boss[0] != k {
			r.People[k].Manager = boss[0]
		}
	}
}

// leaveAndReturn settles what becomes of those who were suspended, and brings one who was deleted back.
func (p *plan) leaveAndReturn(r *Roster, d *dice) {
	deleted := r.keys(func(n *Person) bool { return n.Gone })
	suspended := r.keys(func(n *Person) bool { return !n.Active && !n.Gone })
	back, rest := draw(d, suspended, share(len(suspended), 33))
	for _, k := range back {
		r.People[k].Active = true
	}
	if p.deletes {
		out, _ := draw(d, rest, share(len(rest), 33))
		for _, k := range out {
			r.People[k].Gone = true
			for _, t := range r.Teams {
				delete(t.Members, k)
			}
		}
	}
	again, _ := draw(d, deleted, 1)
	for _, k := range again {
		r.People[k].Gone, r.People[k].Active = false, true
	}
}

// replaceManagers gives the reports of those who left another manager, so that nobody reports to a deleted user.
func (r *Roster) replaceManagers(d *dice) {
	staff := r.keys(func(n *Person) bool { return !n.Gone })
	for i := range r.People {
		n := &r.People[i]
		if n.Manager == nobody || !r.People[n.Manager].Gone {
			continue
		}
		n.Manager = one(d, staff)
		if n.Manager == n.Key {
			n.Manager = nobody
			for _, k := range staff {
				if k != n.Key {
					n.Manager = k
					break
				}
			}
		}
	}
}

func (p *plan) changeTeams(r *Roster, d *dice) {
	rest := r.teamKeys(func(t *Team) bool { return !t.Gone })
	count := len(rest)
	if count == 0 {
		return
	}
	var chosen []int
	chosen, rest = draw(d, rest, share(count, 5))
	for _, k := range chosen {
		r.Teams[k].Name = "New " + p.teamName(d, k)
	}
	if count > 2 {
		chosen, _ = draw(d, rest, share(count, 4))
		for _, k := range chosen {
			r.Teams[k].Gone, r.Teams[k].Members = true, map[int]bool{}
		}
	}
	for range share(count, 4) {
		r.Teams = append(r.Teams, p.found(r, len(r.Teams)))
	}
	everybody := r.keys(func(n *Person) bool { return !n.Gone })
	for _, k := range r.teamKeys(func(t *Team) bool { return !t.Gone }) {
		r.Teams[k].shuffle(d, everybody)
	}
}

// shuffle lets some join and some leave; who leaves does not join in the same cycle.
func (t *Team) shuffle(d *dice, everybody []int) {
	members := slices.Sorted(maps.Keys(t.Members))
	if len(members) == 0 {
		return
	}
	leavers, _ := draw(d, members, share(len(members), 3))
	joiners, _ := draw(d, everybody, share(len(members), 3))
	for _, k := range joiners {
		t.Members[k] = true
	}
	for _, k := range leavers {
		delete(t.Members, k)
	}
}

// display and handle read an entry of a list of names, "Žofie/zofie" or "Ada": as it is shown, and in a user name.
func display(entry string) string {
	shown, _, _ := strings.Cut(entry, "/")
	return shown
}

func handle(entry string) string {
	shown, short, ok := strings.Cut(entry, "/")
	if !ok {
		short = shown
	}
	return strings.ToLower(short)
}

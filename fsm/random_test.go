package fsm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hashicorp/raft"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
	"domicile/seal"
)

var home = state.Identity{Region: "eu", Cluster: "cluster-1"}

const dawn = directory.Time(1_700_000_000_000_000)

// newFSM makes an FSM that fails the test when it halts.
func newFSM(t testing.TB) *FSM {
	return New(home, func(err error) { t.Errorf("halted: %v", err) })
}

// world makes random commands over a small set of names, so that they often meet: conflicts, no-ops, stale versions,
// retries and expired deadlines are all frequent. The same seed makes the same commands.
type world struct {
	*rand.Rand
	view *state.View // what is there, to aim at
	now  directory.Time
	past []command.Command

	connects bool // half of it is about connection requests and what else connecting makes
}

func newWorld(seed uint64) *world {
	return &world{Rand: rand.New(rand.NewPCG(seed, 1)), now: dawn}
}

// entry makes the bytes of an entry of one to eight commands and gives them decoded, too.
func (w *world) entry(view *state.View) ([]byte, []command.Command) {
	w.view = view
	w.now += directory.Time(w.IntN(4_000_000))
	entry := command.Entry{Region: home.Region, Cluster: home.Cluster, At: w.now}
	if w.IntN(10) == 0 {
		entry.At -= 5_000_000 // a new leader whose clock is behind
	}
	commands := make([]command.Command, 1+w.IntN(8))
	for i := range commands {
		commands[i] = w.command()
		entry.Commands = append(entry.Commands, commands[i].Encode())
	}
	return entry.Encode(), commands
}

func (w *world) command() command.Command {
	if len(w.past) > 0 && w.IntN(12) == 0 {
		return w.past[max(0, len(w.past)-1-w.IntN(40))]
	}
	c := command.Command{
		Deadline:     w.now + directory.Time(w.IntN(30_000_000)),
		Organization: directory.OrganizationID(w.name("org", 3)),
		Actor:        w.name("token:", 4),
	}
	for i := range c.RequestID {
		c.RequestID[i] = byte(w.Uint32())
	}
	switch w.IntN(30) {
	case 0:
		c.Deadline = w.now - directory.Time(w.IntN(10_000_000))
	case 1:
		c.Deadline = w.now + 100_000_000
	}
	c.Payload, c.Note = w.payload(c.Organization), w.note()
	w.past = append(w.past, c)
	return c
}

func (w *world) name(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, w.IntN(n)) }
func (w *world) hash(n int) directory.Hash        { return directory.Hash{0: byte(w.IntN(n)), 31: 1} }

// subject gives one of a user's two names at the provider, sometimes somebody else's.
func (w *world) subject(user directory.ResourceID) string {
	if w.IntN(10) == 0 {
		user = w.resource()
	}
	return w.name(string(user)+"-subject", 2)
}

// resource gives the id of a user, sometimes of a group.
func (w *world) resource() directory.ResourceID {
	if w.IntN(6) == 0 {
		return w.group()
	}
	return directory.ResourceID(w.name("user", 12))
}

// group gives the id of a group, sometimes of a user.
func (w *world) group() directory.ResourceID {
	if w.IntN(20) == 0 {
		return directory.ResourceID(w.name("user", 12))
	}
	return directory.ResourceID(w.name("group", 6))
}

// resources gives a few ids, mostly of users and groups that are there.
func (w *world) resources(org directory.OrganizationID) []directory.ResourceID {
	d, ok := w.view.Directory(org)
	anybody := !ok || w.IntN(4) == 0
	var ids []directory.ResourceID
	for range w.IntN(4) {
		id := w.resource()
		for range 9 {
			if anybody || d.Taken(id) {
				break
			}
			id = w.resource()
		}
		ids = append(ids, id)
	}
	return ids
}

// expect gives the version wanted: mostly any or the present one, sometimes a wrong one.
func (w *world) expect(present uint64) uint64 {
	switch w.IntN(6) {
	case 0:
		return 3
	case 1, 2:
		return present
	default:
		return 0
	}
}

// versions gives the present versions of a user, a group, a connection and the organization itself; 0 for what is not there.
func (w *world) versions(org directory.OrganizationID, id directory.ResourceID, connection directory.ConnectionID) (u, g, c, o uint64) {
	d, ok := w.view.Directory(org)
	if !ok {
		return
	}
	if user, ok := d.User(id); ok {
		u = user.Version
	}
	if group, ok := d.Group(id); ok {
		g = group.Version
	}
	if found, ok := d.Connection(connection); ok {
		c = found.Version
	}
	return u, g, c, d.Organization().Version
}

// aim mostly replaces the ids by those of a user and a group that are there.
func (w *world) aim(org directory.OrganizationID, user, group directory.ResourceID) (u, g directory.ResourceID) {
	d, ok := w.view.Directory(org)
	if !ok || w.IntN(3) == 0 {
		return user, group
	}
	for found := range d.Users(directory.SourceSCIM, w.IntN(d.UserCount(directory.SourceSCIM)+1)) {
		user = found.ID
		break
	}
	for found := range d.Groups(directory.SourceSCIM, w.IntN(d.GroupCount(directory.SourceSCIM)+1)) {
		group = found.ID
		break
	}
	return user, group
}

// session gives the hash of a session of the user where there is one.
func (w *world) session(org directory.OrganizationID, user directory.ResourceID) directory.Hash {
	if d, ok := w.view.Directory(org); ok {
		if u, ok := d.User(user); ok {
			for s := range d.SessionsOf(u.Number) {
				return s.Hash
			}
		}
	}
	return w.hash(60)
}

func (w *world) payload(org directory.OrganizationID) command.Payload {
	if _, ok := w.view.Directory(org); !ok && w.IntN(2) == 0 {
		return &command.CreateOrganization{OrganizationFields: w.organizationFields()}
	}
	connection := directory.ConnectionID(w.name(string(org)+"-connection", 2))
	if w.IntN(12) == 0 {
		connection = "org0-connection0"
	}
	if w.connects && w.IntN(2) == 0 {
		return w.connecting(org)
	}
	if w.IntN(6) == 0 {
		return w.provisioning(org)
	}
	if w.IntN(6) == 0 {
		return w.lifecycle(org)
	}
	if w.IntN(4) == 0 {
		return w.signing(org)
	}
	if w.IntN(5) == 0 {
		return w.connecting(org)
	}
	user, group := w.aim(org, w.resource(), w.group())
	_, groupVersion, _, _ := w.versions(org, group, connection)
	userVersion, _, connectionVersion, orgVersion := w.versions(org, user, connection)
	switch n := w.IntN(100); {
	case n < 1:
		return &command.RaiseLevel{Level: uint64(w.IntN(3))}
	case n < 5:
		return &command.CreateOrganization{OrganizationFields: w.organizationFields()}
	case n < 7:
		return &command.UpdateOrganization{ExpectVersion: w.expect(orgVersion), OrganizationFields: w.organizationFields()}
	case n < 8 && w.IntN(8) == 0:
		return &command.DeleteOrganization{}
	case n < 12:
		return w.createToken(org)
	case n < 15:
		return &command.RevokeToken{ID: w.token()}
	case n < 19:
		return &command.PutConnection{
			ID: connection, ExpectVersion: w.expect(connectionVersion), Issuer: w.name("https://idp", 2), ClientID: w.name("client", 4),
			ClientSecret: seal.Sealed(w.name("sealed", 9)), ConnectionSettings: w.choices(), Enabled: w.IntN(5) > 0,
			SecretExpires: w.secretExpires(), PreviousSecret: w.secret(), Domains: w.domains(),
		}
	case n < 20:
		return &command.DeleteConnection{ID: connection}
	case n < 36:
		return &command.CreateUser{ID: w.resource(), Source: directory.Source(1 + w.IntN(26)/8), UserFields: w.userFields()}
	case n < 47:
		return &command.ReplaceUser{ID: user, ExpectVersion: w.expect(userVersion), UserFields: w.userFields()}
	case n < 51:
		return &command.DeleteUser{ID: user, ExpectVersion: w.expect(userVersion), Erase: w.IntN(2) == 0}
	case n < 58:
		return &command.CreateGroup{
			ID: w.group(), Source: directory.SourceSCIM, GroupFields: w.groupFields(), Members: w.resources(org), Staged: w.staged(org),
		}
	case n < 73:
		return w.updateGroup(org, group, groupVersion)
	case n < 76:
		return &command.DeleteGroup{ID: group, ExpectVersion: w.expect(groupVersion)}
	case n < 95:
		return &command.OpenSession{
			ID: directory.SessionID(w.name("session", 99)), Hash: w.hash(120), User: user, Connection: connection,
			ConnectionVersion: connectionVersion, Transaction: w.hash(250), Lifetime: int64(w.IntN(60_000_000)),
			TransactionExpiry: w.now + directory.Time(w.IntN(20_000_000)) - 1_000_000,
			Issuer:            "https://idp0", Subject: w.subject(user), SessionDetails: w.details(), ProviderSID: w.name("sid", 9),
			Algorithm: w.algorithm(),
		}
	default:
		return &command.CloseSession{Hash: w.session(org, user)}
	}
}

func (w *world) updateGroup(org directory.OrganizationID, id directory.ResourceID, version uint64) *command.UpdateGroup {
	update := &command.UpdateGroup{
		ID: id, ExpectVersion: w.expect(version), Mode: command.MembersMode(w.IntN(3)),
		Add: w.resources(org), Remove: w.resources(org), Staged: w.staged(org),
	}
	if w.IntN(40) == 0 {
		update.Mode = 3
	}
	if w.IntN(3) == 0 {
		fields := w.groupFields()
		update.Fields = &fields
	}
	return update
}

func (w *world) organizationFields() command.OrganizationFields {
	f := command.OrganizationFields{Slug: w.name("slug", 4), Name: w.name("Name ", 2), Profile: directory.ProfileStrict}
	f.SCIM, f.DeletePolicy = directory.ProvisioningState(w.IntN(25)/6), directory.DeletePolicy(w.IntN(20)/9)
	f.SCIMPaused, f.SingleToken, f.Plan, f.Principal = w.IntN(5) == 0, w.IntN(4) == 0, w.name("plan", 3), w.name("idp", 2)
	if w.IntN(4) > 0 {
		f.RootEmail = w.name("mail", 3) + "@d0.example"
	}
	f.BreakGlass = w.breakGlass("d0.example", "d1.example", "d2.example")
	f.Phone.MayChange, f.SignIn.RequireSSO = w.IntN(2) == 0, w.IntN(4) == 0
	f.SignIn.SessionIdle = directory.Time(w.IntN(5)) * 60_000_000
	for i := range 3 {
		if w.IntN(3) > 0 {
			f.Domains = append(f.Domains, fmt.Sprintf("d%d.example", i))
		}
	}
	return f
}

func (w *world) userFields() command.UserFields {
	name := w.name("User", 14)
	if w.IntN(4) == 0 {
		name = w.name("mail", 6) + "@d0.example" // as of those who sign in here
	}
	f := command.UserFields{
		Active: w.IntN(4) > 0, UserName: name, UserNameKey: directory.Fold(name), DisplayName: w.name("Display ", 2),
		Attributes: w.name(`{"n":`, 3) + w.values() + "}",
	}
	if w.IntN(2) == 0 {
		f.ExternalID = w.name("ext", 5)
	}
	for range w.IntN(3) {
		f.Emails = append(f.Emails, w.name("mail", 6)+"@d0.example")
	}
	return f
}

func (w *world) groupFields() command.GroupFields {
	name := w.name("Group", 8)
	f := command.GroupFields{DisplayName: name, DisplayNameKey: directory.Fold(name), Attributes: w.name(`{"n":`, 2) + w.values() + "}"}
	if w.IntN(2) == 0 {
		f.ExternalID = w.name("ext", 3)
	}
	return f
}

// logs numbers encoded entries as raft would.
func logs(first uint64, entries ...[]byte) []*raft.Log {
	var list []*raft.Log
	for i, data := range entries {
		list = append(list, &raft.Log{Index: first + uint64(i), Type: raft.LogCommand, Data: data})
	}
	return list
}

// apply applies one entry and gives its results.
func apply(t testing.TB, f *FSM, index uint64, data []byte) []command.Result {
	t.Helper()
	applied := f.Apply(logs(index, data)[0]).(Applied)
	if applied.Err != nil {
		t.Fatalf("entry %d: %v", index, applied.Err)
	}
	return applied.Results
}

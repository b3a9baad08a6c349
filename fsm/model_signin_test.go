package fsm

import (
	"fmt"
	"reflect"
	"slices"

	"domicile/directory"
	"domicile/fsm/command"
	"domicile/fsm/state"
)

// modelSignIns is the model's log of sign-ins of an organization, refusals among them, oldest first.
type modelSignIns struct{ signIns []directory.SignIn }

func (m *model) signedIn(o *modelOrg, s directory.Session, email string, linked bool) {
	if m.level < 2 {
		return
	}
	ways := map[directory.SessionKind]directory.SignInWay{
		directory.SessionSSO: directory.WayProvider, directory.SessionLocal: directory.WayLocal,
		directory.SessionBreakGlass: directory.WayBreakGlass,
	}
	o.signIns = append(o.signIns, directory.SignIn{
		Seq: m.seq, At: m.at, Way: ways[s.Kind], Connection: s.Connection, User: s.User, Session: s.ID, Email: email, Linked: linked,
		Agent: s.Agent, Address: s.Address,
	})
}

func (m *model) recordRefusals(o *modelOrg, p *command.RecordRefusals) command.Result {
	for _, row := range p.Rows {
		deny(row.Reason == "" || row.Way < directory.WayProvider || row.Way > directory.WayBreakGlass, directory.KindInvalid)
	}
	result := command.Result{}
	for i, row := range p.Rows {
		if row.User != "" && o.stranger(row.User) {
			continue
		}
		if row.Email != o.record.RootEmail && !slices.Contains(o.record.BreakGlass, row.Email) {
			row.Email = ""
		}
		row.Seq, row.Ordinal, row.At = m.seq, uint32(i), min(row.At, m.at)
		if dayAgo := m.at - 24*3600*1_000_000; row.At < dayAgo {
			row.At = dayAgo
		}
		o.signIns = append(o.signIns, row)
		result = m.done(m.at)
	}
	return result
}

// stranger tells whether nobody has this id who is there or may come back.
func (o *modelOrg) stranger(id directory.ResourceID) bool {
	_, there := o.users[id]
	_, deleted := o.deleted[id]
	return !there && !deleted
}

// forgetStrangers drops the rows about users who are gone.
func (o *modelOrg) forgetStrangers() {
	o.signIns = slices.DeleteFunc(o.signIns, func(row directory.SignIn) bool { return row.User != "" && o.stranger(row.User) })
}

func (o *modelOrg) compareSignIns(d *state.Directory) error {
	var all, made, refused []directory.SignIn
	for row := range d.SignInsAndRefusals() {
		all = append(all, *row)
	}
	for row := range d.SignIns() {
		made = append(made, *row)
	}
	for row := range d.Refusals() {
		refused = append(refused, *row)
	}
	want := slices.Clone(o.signIns)
	slices.Reverse(want)
	of := func(refused bool) []directory.SignIn {
		return slices.DeleteFunc(slices.Clone(want), func(row directory.SignIn) bool { return (row.Reason != "") != refused })
	}
	for _, pair := range []struct{ got, want []directory.SignIn }{{all, want}, {made, of(false)}, {refused, of(true)}} {
		if len(pair.got)+len(pair.want) > 0 && !reflect.DeepEqual(pair.got, pair.want) {
			return fmt.Errorf("sign-ins %+v, the model's %+v", pair.got, pair.want)
		}
	}
	return nil
}

func (w *world) recordRefusals(org directory.OrganizationID) *command.RecordRefusals {
	p := new(command.RecordRefusals)
	for range w.IntN(4) {
		row := directory.SignIn{
			At: w.now + directory.Time(w.IntN(4_000_000)) - 3_000_000, Way: directory.SignInWay(1 + w.IntN(3)), Reason: w.name("reason", 3),
			Reference: w.name("REF", 9), More: w.IntN(3), Connection: directory.ConnectionID(w.name(string(org)+"-connection", 2)),
			Agent: "Firefox", Address: w.name("192.0.2.", 9),
		}
		switch w.IntN(12) {
		case 0, 1, 2, 3:
			row.User = w.resource()
		case 4, 5, 6:
			row.Email = w.address(org)
		case 7:
			row.At = w.now - 2*24*3600*1_000_000
		case 8:
			row.Way = directory.SignInWay(w.IntN(7))
		case 9:
			row.Reason = ""
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

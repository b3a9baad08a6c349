package state

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"domicile/directory"
	"domicile/fsm/wire"
)

// A snapshot is a stream of frames: a tag byte, a varint length, a record. The header comes first; an organization's
// frames follow its own record; the end frame counts the frames before it. Every order is a tree's order, so equal ledgers
// have equal snapshots.
const snapshotFormat = 1

// Frame tags are append-only.
const (
	frameHeader       byte = 1
	frameOrganization byte = 2
	frameUser         byte = 3
	frameGroup        byte = 4
	frameToken        byte = 5
	frameConnection   byte = 6
	frameLink         byte = 7
	frameSession      byte = 8
	frameTransaction  byte = 9
	frameRequest      byte = 10
	frameEnd          byte = 11
	frameSettings     byte = 12
	frameClient       byte = 13
	frameSchema       byte = 14
	frameStaged       byte = 15
	frameSyncRow      byte = 16
	frameDeleted      byte = 17

	frameConnectionRequest byte = 18
	frameDomain            byte = 19
	frameProvider          byte = 20
	frameSigningKey        byte = 21
	frameApplication       byte = 22
	frameAuditRow          byte = 23
	frameCredentials       byte = 24
	frameAttempt           byte = 25
	frameErrand            byte = 26
	frameSignIn            byte = 27
)

// maxFrame bounds one frame, so that a damaged length cannot exhaust memory: a group with four million members fits.
const maxFrame = 64 << 20

// Digest gives a SHA-256 over the whole ledger: equal at an equal seq on every node.
func (v *View) Digest() [32]byte {
	h := sha256.New()
	if err := v.Snapshot(h); err != nil {
		panic("state: a hash refused bytes: " + err.Error())
	}
	return [32]byte(h.Sum(nil))
}

// Snapshot streams the whole ledger to w.
func (v *View) Snapshot(w io.Writer) error {
	f := &frameWriter{out: bufio.NewWriterSize(w, 256<<10)}
	f.put(frameHeader, func(w *wire.Writer) {
		w.Uint(snapshotFormat)
		w.Text(v.identity.Region)
		w.Text(v.identity.Cluster)
		w.Uint(v.level)
		w.Uint(v.seq)
		w.Int(int64(v.at))
	})
	f.put(frameSettings, func(w *wire.Writer) { encodeSettings(w, v.settings) })
	f.region(v)
	for d := range v.Directories() {
		f.directory(d)
	}
	for row := range v.sessions.all() {
		f.put(frameSession, func(w *wire.Writer) { encodeSession(w, row.record) })
	}
	for attempt := range v.attempts.all() {
		f.put(frameAttempt, func(w *wire.Writer) { encodeAttempt(w, attempt) })
	}
	for errand := range v.errands.all() {
		f.put(frameErrand, func(w *wire.Writer) { encodeErrand(w, errand) })
	}
	for row := range v.transactions.all() {
		f.put(frameTransaction, func(w *wire.Writer) {
			w.Fixed(row.hash[:])
			w.Int(int64(row.expires))
		})
	}
	for _, row := range v.requests.rows {
		f.put(frameRequest, func(w *wire.Writer) {
			w.Fixed(row.ID[:])
			w.Int(int64(row.Deadline))
			w.Text(row.Result)
		})
	}
	frames := f.frames
	f.put(frameEnd, func(w *wire.Writer) { w.Uint(frames) })
	if f.err != nil {
		return fmt.Errorf("write snapshot: %w", f.err)
	}
	if err := f.out.Flush(); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

type frameWriter struct {
	out    *bufio.Writer
	record wire.Writer
	length [binary.MaxVarintLen64]byte
	frames uint64
	err    error
}

// region writes what is no organization's.
func (f *frameWriter) region(v *View) {
	for provider := range v.providers.all() {
		f.put(frameProvider, func(w *wire.Writer) { encodeProvider(w, provider) })
	}
	for key := range v.signingKeys.all() {
		f.put(frameSigningKey, func(w *wire.Writer) { encodeSigningKey(w, key) })
	}
	for application := range v.applications.all() {
		f.put(frameApplication, func(w *wire.Writer) { encodeApplication(w, application) })
	}
}

func (f *frameWriter) directory(d *Directory) {
	f.put(frameOrganization, func(w *wire.Writer) { encodeOrganization(w, d) })
	for user := range d.AllUsers() {
		f.put(frameUser, func(w *wire.Writer) { encodeUser(w, user) })
	}
	for group := range d.AllGroups() {
		f.put(frameGroup, func(w *wire.Writer) { encodeGroup(w, d, group) })
	}
	for client := range d.oauthClients.all() {
		f.put(frameClient, func(w *wire.Writer) { encodeClient(w, client) })
	}
	for token := range d.tokens.all() {
		f.put(frameToken, func(w *wire.Writer) { encodeToken(w, token) })
	}
	for schema := range d.schemas.all() {
		f.put(frameSchema, func(w *wire.Writer) { encodeSchema(w, schema) })
	}
	for connection := range d.connections.all() {
		f.put(frameConnection, func(w *wire.Writer) { encodeConnection(w, connection) })
	}
	for link := range d.links.all() {
		f.put(frameLink, func(w *wire.Writer) { encodeLink(w, link) })
	}
	for credentials := range d.credentials.all() {
		f.put(frameCredentials, func(w *wire.Writer) { encodeCredentials(w, credentials) })
	}
	for _, change := range d.staging.changes {
		f.put(frameStaged, func(w *wire.Writer) { encodeStaged(w, change) })
	}
	for deleted := range d.deleted.order.all() {
		f.put(frameDeleted, func(w *wire.Writer) { encodeDeleted(w, deleted) })
	}
	for row := range d.sync.rows.all() {
		f.put(frameSyncRow, func(w *wire.Writer) { encodeSyncRow(w, row) })
	}
	for request := range d.requests.all() {
		f.put(frameConnectionRequest, func(w *wire.Writer) { encodeConnectionRequest(w, request) })
	}
	for domain := range d.claims.all() {
		f.put(frameDomain, func(w *wire.Writer) { encodeDomain(w, domain) })
	}
	for row := range d.audit.all() {
		f.put(frameAuditRow, func(w *wire.Writer) { encodeAuditRow(w, row) })
	}
	for _, log := range []tree[*directory.SignIn]{d.signIns.made, d.signIns.refused} {
		for row := range log.all() {
			f.put(frameSignIn, func(w *wire.Writer) { encodeSignIn(w, row) })
		}
	}
}

func (f *frameWriter) put(tag byte, encode func(*wire.Writer)) {
	if f.err != nil {
		return
	}
	f.record.Reset()
	encode(&f.record)
	body := f.record.Bytes()
	if len(body) > maxFrame {
		f.err = fmt.Errorf("frame of %d bytes could not be read again", len(body))
		return
	}
	f.frames++
	n := binary.PutUvarint(f.length[:], uint64(len(body)))
	if f.err = f.out.WriteByte(tag); f.err != nil {
		return
	}
	if _, f.err = f.out.Write(f.length[:n]); f.err != nil {
		return
	}
	_, f.err = f.out.Write(body)
}

// ErrForeign is a snapshot of another region or cluster; nothing of it is used.
type ErrForeign struct{ Have, Got Identity }

func (e ErrForeign) Error() string {
	return fmt.Sprintf("snapshot belongs to region %q cluster %s; this node is of region %q cluster %s",
		e.Got.Region, e.Got.Cluster, e.Have.Region, e.Have.Cluster)
}

// ErrLevel is a snapshot of a newer behaviour level than this binary knows.
type ErrLevel struct{ Have, Got uint64 }

func (e ErrLevel) Error() string {
	return fmt.Sprintf("snapshot needs level %d; this binary knows %d: run a newer release", e.Got, e.Have)
}

// Restore reads what Snapshot wrote into a fresh State. The snapshot must be of the given identity and at most of level
// maxLevel; otherwise, and on any damage, the error says which and nothing is kept.
func Restore(in io.Reader, identity Identity, maxLevel uint64) (*State, error) {
	l := loader{state: New(identity), maxLevel: maxLevel}
	r := bufio.NewReaderSize(in, 256<<10)
	var buf []byte
	for {
		tag, body, err := readFrame(r, &buf)
		if err != nil {
			return nil, fmt.Errorf("read snapshot: frame %d: %w", l.frames, err)
		}
		done, err := l.frame(tag, body)
		if err != nil {
			return nil, fmt.Errorf("read snapshot: frame %d: %w", l.frames, err)
		}
		l.frames++
		if done {
			clear(l.state.touched)
			return l.state, nil
		}
	}
}

// readFrame reads one frame; buf is scratch memory, the body owns its own.
func readFrame(r *bufio.Reader, buf *[]byte) (tag byte, body string, err error) {
	if tag, err = r.ReadByte(); err != nil {
		return 0, "", noEOF(err)
	}
	size, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, "", noEOF(err)
	}
	if size > maxFrame {
		return 0, "", fmt.Errorf("%w: frame of %d bytes", wire.ErrMalformed, size)
	}
	if uint64(cap(*buf)) < size {
		*buf = make([]byte, size)
	}
	b := (*buf)[:size]
	if _, err = io.ReadFull(r, b); err != nil {
		return 0, "", noEOF(err)
	}
	return tag, string(b), nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type loader struct {
	state    *State
	maxLevel uint64
	dir      *Directory
	frames   uint64
}

// frameRow says how to read the frames of one tag. Those of an organization's records come after its own.
type frameRow struct {
	inOrganization bool
	read           func(l *loader, r *wire.Reader) error
}

// frameTable has one row per tag.
var frameTable = [...]frameRow{
	frameHeader:       {false, (*loader).header},
	frameSettings:     {false, func(l *loader, r *wire.Reader) error { l.state.PutSettings(decodeSettings(r)); return nil }},
	frameOrganization: {false, (*loader).organization},
	frameUser:         {true, (*loader).user},
	frameGroup:        {true, (*loader).group},
	frameClient:       {true, func(l *loader, r *wire.Reader) error { l.state.PutClient(l.dir, decodeClient(r)); return nil }},
	frameToken:        {true, func(l *loader, r *wire.Reader) error { l.state.PutToken(l.dir, decodeToken(r)); return nil }},
	frameSchema:       {true, func(l *loader, r *wire.Reader) error { l.dir.PutSchema(decodeSchema(r)); return nil }},
	frameConnection:   {true, func(l *loader, r *wire.Reader) error { l.state.PutConnection(l.dir, decodeConnection(r)); return nil }},
	frameLink:         {true, func(l *loader, r *wire.Reader) error { l.state.PutLink(l.dir, decodeLink(r)); return nil }},
	frameStaged:       {true, func(l *loader, r *wire.Reader) error { l.state.PutStaged(l.dir, decodeStaged(r)); return nil }},
	frameDeleted:      {true, func(l *loader, r *wire.Reader) error { l.state.PutDeleted(l.dir, decodeDeleted(r)); return nil }},
	frameSyncRow:      {true, func(l *loader, r *wire.Reader) error { l.dir.sync.put(decodeSyncRow(r)); return nil }},
	frameSession:      {false, (*loader).session},
	frameCredentials:  {true, func(l *loader, r *wire.Reader) error { l.state.PutCredentials(l.dir, decodeCredentials(r)); return nil }},
	frameAttempt:      {false, func(l *loader, r *wire.Reader) error { l.state.PutAttempt(decodeAttempt(r)); return nil }},
	frameErrand:       {false, func(l *loader, r *wire.Reader) error { l.state.errands.Set(decodeErrand(r)); return nil }},
	frameTransaction:  {false, (*loader).transaction},
	frameRequest:      {false, (*loader).request},
	frameEnd:          {false, (*loader).end},

	frameConnectionRequest: {true, func(l *loader, r *wire.Reader) error { l.dir.PutRequest(decodeConnectionRequest(r)); return nil }},
	frameDomain:            {true, func(l *loader, r *wire.Reader) error { l.dir.PutDomain(decodeDomain(r)); return nil }},
	frameProvider:          {false, func(l *loader, r *wire.Reader) error { l.state.PutProvider(decodeProvider(r)); return nil }},
	frameSigningKey:        {false, func(l *loader, r *wire.Reader) error { l.state.PutSigningKey(decodeSigningKey(r)); return nil }},
	frameApplication:       {false, func(l *loader, r *wire.Reader) error { l.state.PutApplication(decodeApplication(r)); return nil }},
	frameAuditRow:          {true, func(l *loader, r *wire.Reader) error { l.dir.AppendAudit(decodeAuditRow(r)); return nil }},
	frameSignIn:            {true, func(l *loader, r *wire.Reader) error { l.dir.signIns.put(decodeSignIn(r)); return nil }},
}

func (l *loader) frame(tag byte, body string) (done bool, err error) {
	if int(tag) >= len(frameTable) || frameTable[tag].read == nil {
		return false, fmt.Errorf("%w: unknown frame %d; run a newer release", wire.ErrMalformed, tag)
	}
	switch {
	case l.frames == 0 && tag != frameHeader:
		return false, fmt.Errorf("%w: no header", wire.ErrMalformed)
	case l.dir == nil && frameTable[tag].inOrganization:
		return false, fmt.Errorf("%w: record outside of an organization", wire.ErrMalformed)
	}
	r := wire.NewReader(body)
	if err := frameTable[tag].read(l, r); err != nil {
		return false, err
	}
	return tag == frameEnd, r.Done()
}

func (l *loader) header(r *wire.Reader) error {
	if format := r.Uint(); format != snapshotFormat {
		return fmt.Errorf("%w: format %d is not %d", wire.ErrMalformed, format, snapshotFormat)
	}
	got := Identity{Region: r.Text(), Cluster: r.Text()}
	if r.Err() == nil && got != l.state.identity {
		return ErrForeign{Have: l.state.identity, Got: got}
	}
	l.state.level = r.Uint()
	if l.state.level > l.maxLevel {
		return ErrLevel{Have: l.maxLevel, Got: l.state.level}
	}
	l.state.seq = r.Uint()
	l.state.at = directory.Time(r.Int())
	return nil
}

func (l *loader) organization(r *wire.Reader) error {
	l.dir = decodeOrganization(r)
	l.state.touched[l.dir.org.ID] = l.dir
	l.state.PutOrganization(l.dir.org)
	return nil
}

func (l *loader) user(r *wire.Reader) error {
	user := decodeUser(r)
	if !user.Source.Valid() {
		return fmt.Errorf("%w: user of source %d", wire.ErrMalformed, user.Source)
	}
	l.dir.PutUser(nil, user)
	return nil
}

func (l *loader) group(r *wire.Reader) error {
	group, members := decodeGroup(r)
	if !group.Source.Valid() {
		return fmt.Errorf("%w: group of source %d", wire.ErrMalformed, group.Source)
	}
	l.dir.PutGroup(nil, group)
	for _, member := range members {
		l.dir.AddMember(group.Number, member)
	}
	return nil
}

func (l *loader) session(r *wire.Reader) error {
	session := decodeSession(r)
	d, ok := l.state.touched[session.Organization]
	if !ok {
		return fmt.Errorf("%w: session of an unknown organization", wire.ErrMalformed)
	}
	l.state.PutSession(d, session)
	return nil
}

func (l *loader) transaction(r *wire.Reader) error {
	var hash directory.Hash
	r.Fixed(hash[:])
	l.state.UseTransaction(hash, directory.Time(r.Int()))
	return nil
}

func (l *loader) request(r *wire.Reader) error {
	var row Remembered
	r.Fixed(row.ID[:])
	row.Deadline = directory.Time(r.Int())
	row.Result = r.Text()
	l.state.Remember(row)
	return nil
}

func (l *loader) end(r *wire.Reader) error {
	if n := r.Uint(); n != l.frames {
		return fmt.Errorf("%w: %d frames where %d were written", wire.ErrMalformed, l.frames, n)
	}
	return nil
}

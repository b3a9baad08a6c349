package schema

// Courtesy records one use of a Tolerance, so that people can see what their
// identity provider really sent.
type Courtesy struct {
	Tolerance
	// Path is where it happened, in the form of RFC 7644 §3.10 or the name the
	// client sent; cut to a bounded length.
	Path string
}

// maxCourtesies bounds how many are kept of one request: they explain, they are
// not a log.
const maxCourtesies = 32

// Courtesies collects what was tolerated in one request. The zero value is
// ready to use.
type Courtesies []Courtesy

// Note adds a courtesy unless it is there already or there are too many.
func (c *Courtesies) Note(t Tolerance, path string) {
	if len(*c) >= maxCourtesies {
		return
	}
	entry := Courtesy{Tolerance: t, Path: clip(path)}
	for _, have := range *c {
		if have == entry {
			return
		}
	}
	*c = append(*c, entry)
}

// Add notes what a part of the request used.
func (c *Courtesies) Add(list []Courtesy) {
	for _, courtesy := range list {
		c.Note(courtesy.Tolerance, courtesy.Path)
	}
}

// Lenience is a dialect at work: what may be tolerated, and what was.
type Lenience struct {
	Dialect    Dialect
	Courtesies Courtesies
}

// Grant tells whether a deviation is tolerated, and notes that it was.
func (l *Lenience) Grant(t Tolerance, path string) bool {
	if !l.Dialect.Allows(t) {
		return false
	}
	l.Courtesies.Note(t, path)
	return true
}

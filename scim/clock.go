package scim

import (
	"strconv"

	"domicile/directory"
)

func appendUint(out []byte, n uint64) []byte { return strconv.AppendUint(out, n, 10) }

const (
	// timeLength is how many bytes appendTime writes.
	timeLength = len("2026-01-31T12:00:00.000Z")
	// lastTime is the end of the year 9999. Stamps of the leader are between it and the epoch.
	lastTime directory.Time = 253402300799999999
)

// appendTime writes an instant as RFC 3339 with milliseconds, in UTC: 2026-01-31T12:00:00.000Z. Lists write two for each
// resource, which is why this is not time.Format. Days are counted in eras of 400 years
// whose years begin on the first of March.
func appendTime(out []byte, t directory.Time) []byte {
	const dayMillis = 24 * 60 * 60 * 1000
	millis := int64(min(max(t, 0), lastTime)) / 1000
	rest := int(millis % dayMillis)
	days := int(millis/dayMillis) + 719468 // since 0000-03-01
	era := days / 146097
	dayOfEra := days % 146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153 // months since March
	day := dayOfYear - (153*shifted+2)/5 + 1
	month := (shifted+2)%12 + 1
	year := yearOfEra + era*400
	if month <= 2 {
		year++
	}
	out = appendPair(appendPair(out, year/100), year%100)
	out = appendPair(append(out, '-'), month)
	out = appendPair(append(out, '-'), day)
	out = appendPair(append(out, 'T'), rest/3600000)
	out = appendPair(append(out, ':'), rest/60000%60)
	out = appendPair(append(out, ':'), rest/1000%60)
	out = appendPair(append(out, '.', byte('0'+rest/100%10)), rest%100)
	return append(out, 'Z')
}

// pairs are the two digits of 0 to 99.
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

func appendPair(out []byte, n int) []byte { return append(out, pairs[2*n], pairs[2*n+1]) }

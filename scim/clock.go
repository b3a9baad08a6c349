package scim

import (
	"strconv"

	"domicile/directory"
)

func appendUint(out []byte, n uint64) []byte { return strconv.AppendUint(out, n, 10) }

// appendTime writes an instant as RFC 3339 with milliseconds, in UTC: 2026-01-31T12:00:00.000Z. Lists write two for each
// resource, which is why this is not time.Format. The days are counted by the civil calendar in 400-year eras that begin
// on the first of March.
func appendTime(out []byte, t directory.Time) []byte {
	const dayMillis = 24 * 60 * 60 * 1000
	millis := floorDiv(int64(t), 1000)
	days := floorDiv(millis, dayMillis)
	rest := int(millis - days*dayMillis)

	days += 719468 // from the epoch to 0000-03-01
	era := floorDiv(days, 146097)
	dayOfEra := int(days - era*146097)
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	shifted := (5*dayOfYear + 2) / 153 // months since March
	day := dayOfYear - (153*shifted+2)/5 + 1
	month := (shifted+2)%12 + 1
	year := yearOfEra + int(era)*400
	if month <= 2 {
		year++
	}
	out = appendDigits(out, year, 4)
	out = appendDigits(append(out, '-'), month, 2)
	out = appendDigits(append(out, '-'), day, 2)
	out = appendDigits(append(out, 'T'), rest/3600000, 2)
	out = appendDigits(append(out, ':'), rest/60000%60, 2)
	out = appendDigits(append(out, ':'), rest/1000%60, 2)
	out = appendDigits(append(out, '.'), rest%1000, 3)
	return append(out, 'Z')
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func appendDigits(out []byte, n, width int) []byte {
	var digits [4]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(out, digits[:width]...)
}

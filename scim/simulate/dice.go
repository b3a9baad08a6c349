package simulate

// dice is a stream of numbers that depends on nothing but its seed (SplitMix64), so that a run can be repeated.
type dice uint64

// roll starts the stream of a seed for one purpose; streams of different purposes have nothing to do with each other.
func roll(seed uint64, purpose ...uint64) *dice {
	d := dice(seed)
	for _, p := range purpose {
		d = dice(d.next() ^ p*0xbf58476d1ce4e5b9)
	}
	return &d
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below gives a number from 0 to n-1.
func (d *dice) below(n int) int { return int(d.next() % uint64(n)) }

// one gives one of the choices.
func one[T any](d *dice, choices []T) T { return choices[d.below(len(choices))] }

// draw takes up to n of the candidates, in random order, and leaves the rest.
func draw(d *dice, candidates []int, n int) (drawn, rest []int) {
	rest = append([]int{}, candidates...)
	n = min(n, len(rest))
	for i := range n {
		j := i + d.below(len(rest)-i)
		rest[i], rest[j] = rest[j], rest[i]
	}
	return rest[:n], rest[n:]
}

package egress

import (
	"net/netip"
	"slices"
)

// verdict is what the address tables say.
type verdict int

const (
	public verdict = iota
	private
	loopback
	forbidden
)

// forbiddenRanges are special-use (IANA special-purpose registries, RFC 6890)
// or lead into an IPv4 address that is not looked at. No allow-list opens them.
func forbiddenRanges() []netip.Prefix {
	return prefixes(
		"0.0.0.0/8",          // this network
		"169.254.0.0/16",     // link-local, cloud metadata
		"100.100.100.200/32", // cloud metadata inside CGNAT space
		"192.0.0.0/24",       // IETF protocol assignments, cloud metadata
		"192.0.2.0/24",       // documentation
		"192.88.99.0/24",     // 6to4 relays
		"198.18.0.0/15",      // benchmarks
		"198.51.100.0/24",    // documentation
		"203.0.113.0/24",     // documentation
		"224.0.0.0/4",        // multicast
		"240.0.0.0/4",        // reserved, broadcast
		"fd00:ec2::/32",      // cloud metadata inside ULA space
		"2001::/23",          // IETF protocol assignments, Teredo, ORCHID
		"2001:db8::/32",      // documentation
		"2002::/16",          // 6to4
		"3fff::/20",          // documentation
	)
}

// privateRanges may be opened by the operator.
func privateRanges() []netip.Prefix {
	return prefixes(
		"10.0.0.0/8",
		"172.16.0.0/12",
		"192.168.0.0/16",
		"100.64.0.0/10", // CGNAT
		"fc00::/7",      // ULA
	)
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// addressBook answers what an address is; the tables are parsed once.
type addressBook struct {
	forbidden []netip.Prefix
	private   []netip.Prefix
	global6   netip.Prefix
}

func newAddressBook() addressBook {
	return addressBook{
		forbidden: forbiddenRanges(),
		private:   privateRanges(),
		// The only IPv6 space in public use. All else, such as ::, mapped and
		// compatible IPv4, NAT64, link-local, site-local and multicast, is out.
		global6: netip.MustParsePrefix("2000::/3"),
	}
}

// classify judges one address; IPv4 inside IPv6 is judged as IPv4.
func (b addressBook) classify(addr netip.Addr) verdict {
	addr = addr.Unmap().WithZone("")
	switch {
	case !addr.IsValid():
		return forbidden
	case addr.IsLoopback():
		return loopback
	case contains(b.forbidden, addr):
		return forbidden
	case contains(b.private, addr):
		return private
	case addr.Is6() && !b.global6.Contains(addr):
		return forbidden
	default:
		return public
	}
}

func contains(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
}

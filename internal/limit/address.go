package limit

import (
	"net/netip"
	"strings"
)

// Address is who a request comes from, as failures are counted: an IPv4 address, or the 64 bits of an IPv6 one that
// a single customer is given.
type Address struct{ prefix netip.Addr }

// AddressOf reads a request's peer (host:port) and its X-Forwarded-For headers. The last entry of those is the one that
// the platform's own front end wrote; it counts only where such a front end is trusted to stand before us, because
// anybody can send the header.
func AddressOf(peer string, forwarded []string, trusted bool) Address {
	if trusted && len(forwarded) > 0 {
		last := forwarded[len(forwarded)-1]
		if a, err := netip.ParseAddr(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:])); err == nil {
			return addressOf(a)
		}
	}
	p, err := netip.ParseAddrPort(peer)
	if err != nil {
		return Address{} // no peer that we know: all such share one count
	}
	return addressOf(p.Addr())
}

func addressOf(a netip.Addr) Address {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64) // cannot fail: 64 is no more than 128
		a = p.Addr()
	}
	return Address{a}
}

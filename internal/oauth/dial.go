package oauth

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// notPublic are the address ranges that netip has no word for and that are nobody's on the internet, or lead back inside. Of
// IPv6 only 2000::/3 has been given to anybody; the ranges are those inside it.
func notPublic() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// isPublic says whether an address is somebody's on the internet.
func isPublic(a netip.Addr, except []netip.Prefix) bool {
	a = a.Unmap()
	given := a.Is4() || a.As16()[0]>>5 == 1 // 2000::/3
	return given && a.IsGlobalUnicast() && !a.IsPrivate() && a.Zone() == "" && !slices.ContainsFunc(except, func(p netip.Prefix) bool { return p.Contains(a) })
}

var errNotPublic = errors.New("not a public address at port 443")

// publicOnly is a client for documents of others. What an address is, is decided when it is dialled: a name that leads inside
// at the second look does not get by. It follows nothing, keeps nothing and uses no proxy.
func publicOnly() *http.Client {
	except := notPublic()
	d := &net.Dialer{Timeout: 3 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil || ap.Port() != 443 || !isPublic(ap.Addr(), except) {
			return fmt.Errorf("%w: %s", errNotPublic, address)
		}
		return nil
	}}
	return &http.Client{Transport: &http.Transport{
		DialContext: d.DialContext, TLSHandshakeTimeout: 3 * time.Second, ResponseHeaderTimeout: 3 * time.Second,
		DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10, ForceAttemptHTTP2: false,
	}}
}

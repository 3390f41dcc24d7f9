package credential_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowpos/flowpos-backend/internal/credential"
)

// forger makes tokens that are good until something is changed, for both kinds of token. seal signs as the issuer does.
type forger struct {
	header, claims object
	seal           func(header, claims string) string
}

func (f forger) token() string { return f.seal(f.header.String(), f.claims.String()) }

// The values that these set are raw JSON.
func (f forger) head(name, value string) forger  { f.header = f.header.with(name, value); return f }
func (f forger) claim(name, value string) forger { f.claims = f.claims.with(name, value); return f }
func (f forger) unclaim(name string) forger      { f.claims = f.claims.without(name); return f }
func (f forger) unhead(name string) forger       { f.header = f.header.without(name); return f }

// again adds a member at the end whether or not there is one of that name.
func (f forger) again(name, value string) forger {
	f.claims = append(slices.Clone(f.claims), pair{name, value})
	return f
}

func (f forger) headAgain(name, value string) forger {
	f.header = append(slices.Clone(f.header), pair{name, value})
	return f
}

// object is a JSON object whose members keep their order and may be wrong.
type object []pair

type pair struct{ name, value string }

func (o object) String() string {
	var parts []string
	for _, p := range o {
		parts = append(parts, `"`+p.name+`":`+p.value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (o object) with(name, value string) object {
	o = slices.Clone(o)
	if i := slices.IndexFunc(o, func(p pair) bool { return p.name == name }); i >= 0 {
		o[i].value = value
		return o
	}
	return append(o, pair{name, value})
}

func (o object) without(name string) object {
	return slices.DeleteFunc(slices.Clone(o), func(p pair) bool { return p.name == name })
}

func reversed(o object) object {
	o = slices.Clone(o)
	slices.Reverse(o)
	return o
}

func (o object) get(name string) string {
	i := slices.IndexFunc(o, func(p pair) bool { return p.name == name })
	return o[i].value
}

func encoded(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func unix(t time.Time) string { return fmt.Sprint(t.Unix()) }

// forgery is one way in which a token is not what the issuer made.
type forgery struct {
	name string
	make func(f forger) string
}

// forgeries are those that neither kind of token may survive. Where a signature can be good, it is.
func forgeries(now time.Time) []forgery {
	soon := unix(now.Add(time.Hour))
	return slices.Concat(forgedForm(), forgedHeader(), forgedClaims(soon), []forgery{
		{"iat is missing", func(f forger) string { return f.unclaim("iat").token() }},
		{"iat as a string", func(f forger) string { return f.claim("iat", `"`+unix(now)+`"`).token() }},
		{"iat in a minute", func(f forger) string { return f.claim("iat", unix(now.Add(time.Minute))).token() }},
		{"iat in a year", func(f forger) string {
			return f.claim("iat", unix(now.AddDate(1, 0, 0))).claim("exp", unix(now.AddDate(1, 0, 1))).token()
		}},
		{"iat after exp", func(f forger) string {
			return f.claim("exp", unix(now.Add(-time.Second))).claim("iat", unix(now)).token()
		}},
		{"nbf in a minute", func(f forger) string { return f.claim("nbf", unix(now.Add(time.Minute))).token() }},
		{"nbf as a string", func(f forger) string { return f.claim("nbf", `"0"`).token() }},
		{"nbf is null", func(f forger) string { return f.claim("nbf", `null`).token() }},
		{"exp twice, the last one good", func(f forger) string { return f.claim("exp", "1").again("exp", soon).token() }},
		{"exp twice, the first one good", func(f forger) string { return f.again("exp", "1").token() }},
		{"exp twice, once escaped", func(f forger) string { return f.again(`e\u0078p`, soon).token() }},
		{"EXP for exp", func(f forger) string { return f.unclaim("exp").again("EXP", soon).token() }},
		{"EXP beside exp", func(f forger) string { return f.again("EXP", soon).token() }},
		{"a kelvin sign is not a k", func(f forger) string { return f.unclaim("iat").again("\u0131at", unix(now)).token() }},
	})
}

// ended is no forgery, but as good as one where a token may not be refreshed.
func ended(now time.Time) forgery {
	return forgery{"ended a minute ago", func(f forger) string {
		return f.claim("iat", unix(now.Add(-time.Hour))).claim("exp", unix(now.Add(-time.Minute))).token()
	}}
}

func forgedForm() []forgery {
	cut := func(n int) func(f forger) string {
		return func(f forger) string { t := f.token(); return t[:len(t)-n] }
	}
	around := func(before, after string) func(f forger) string {
		return func(f forger) string { return before + f.token() + after }
	}
	part := func(i int, change func(string) string) func(f forger) string {
		return func(f forger) string {
			parts := strings.Split(f.token(), ".")
			parts[i] = change(parts[i])
			return strings.Join(parts, ".")
		}
	}
	pad := func(s string) string { return s + "=" }
	return []forgery{
		{"nothing", func(forger) string { return "" }},
		{"dots", func(forger) string { return ".." }},
		{"one part", func(f forger) string { return encoded(f.claims.String()) }},
		{"two parts", func(f forger) string { t := f.token(); return t[:strings.LastIndexByte(t, '.')] }},
		{"four parts", around("", ".AAAA")},
		{"a dot at the end", around("", ".")},
		{"no header", part(0, func(string) string { return "" })},
		{"no claims", part(1, func(string) string { return "" })},
		{"no signature", part(2, func(string) string { return "" })},
		{"truncated by one", cut(1)},
		{"truncated by four", cut(4)},
		{"truncated in the claims", part(1, func(s string) string { return s[:len(s)-4] })},
		{"a newline at the end", around("", "\n")},
		{"CR LF at the end", around("", "\r\n")},
		{"a newline before", around("\n", "")},
		{"a space at the end", around("", " ")},
		{"a NUL at the end", around("", "\x00")},
		{"a newline in the header", part(0, func(s string) string { return s[:4] + "\n" + s[4:] })},
		{"a newline in the claims", part(1, func(s string) string { return s[:8] + "\n" + s[8:] })},
		{"a newline in the signature", part(2, func(s string) string { return s[:8] + "\r" + s[8:] })},
		{"header padded", part(0, pad)},
		{"claims padded", part(1, pad)},
		{"signature padded", part(2, pad)},
		{"signature padded twice", part(2, func(s string) string { return s + "==" })},
		{"the other base64 alphabet", part(2, func(s string) string { return "+/" + s[2:] })},
		{"spare bits set in the signature", part(2, spareBit)},
		{"a letter that is none in ASCII", part(2, func(s string) string { return "é" + s[2:] })},
		{"twice in a row", func(f forger) string { return f.token() + f.token() }},
		{"a bit of the signature turned", part(2, otherLetter)},
		{"a letter of the claims changed", part(1, otherLetter)},
		{"over 4 KB, well signed", func(f forger) string { return f.claim("note", `"`+strings.Repeat("x", 4<<10)+`"`).token() }},
		{"a megabyte", func(f forger) string { return f.token() + strings.Repeat("A", 1<<20) }},
		{"claims of another token", func(f forger) string {
			theirs := strings.Split(f.claim("sub", `"somebody-else"`).token(), ".")
			ours := strings.Split(f.token(), ".")
			return theirs[0] + "." + theirs[1] + "." + ours[2]
		}},
		{"encrypted", func(f forger) string { return "eyJhbGciOiJkaXIifQ..AAAA.AAAA.AAAA" }},
	}
}

// spareBit sets a bit of the last letter that says nothing: the bytes stay the same for a lenient decoder.
func spareBit(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])|1])
}

func otherLetter(s string) string {
	i := len(s) / 2
	if s[i] == 'A' {
		return s[:i] + "B" + s[i+1:]
	}
	return s[:i] + "A" + s[i+1:]
}

func forgedHeader() []forgery {
	header := func(name, value string) forgery {
		return forgery{"header " + name + " " + value[:min(len(value), 40)], func(f forger) string { return f.head(name, value).token() }}
	}
	raw := func(name string, change func(string) string) forgery {
		return forgery{name, func(f forger) string { return f.seal(change(f.header.String()), f.claims.String()) }}
	}
	none := func(alg string) forgery {
		return forgery{"alg " + alg + " and no signature", func(f forger) string {
			return encoded(f.head("alg", `"`+alg+`"`).header.String()) + "." + encoded(f.claims.String()) + "."
		}}
	}
	return []forgery{
		none("none"), none("None"), none("NONE"), none("nOnE"), none(""),
		{"alg none without a kid", func(f forger) string {
			return encoded(`{"alg":"none","typ":"JWT"}`) + "." + encoded(f.claims.String()) + "."
		}},
		header("alg", `"none"`), header("alg", `"HS384"`), header("alg", `"HS512"`), header("alg", `"RS384"`), header("alg", `"RS512"`),
		header("alg", `"PS256"`), header("alg", `"ES256"`), header("alg", `"EdDSA"`), header("alg", `"hs256"`), header("alg", `"rs256"`),
		header("alg", `"RS256 "`), header("alg", `256`), header("alg", `null`), header("alg", `["RS256","HS256"]`), header("alg", `{}`),
		{"no alg", func(f forger) string { return f.unhead("alg").token() }},
		{"no kid", func(f forger) string { return f.unhead("kid").token() }},
		header("kid", `""`), header("kid", `1`), header("kid", `null`), header("kid", `"unknown"`),
		header("kid", `"../../../../dev/null"`), header("kid", `"/etc/passwd"`), header("kid", `"file:///dev/null"`),
		header("kid", `"x' UNION SELECT 'secret' --"`), header("kid", `"1; DROP TABLE \"user\""`), header("kid", `"a\u0000b"`),
		header("kid", `"`+strings.Repeat("k", 10<<10)+`"`), header("kid", `"`+strings.Repeat("k", 2<<10)+`"`),
		header("jku", `"https://evil.example/keys"`), header("x5u", `"https://evil.example/cert"`), header("x5c", `["MIIB"]`),
		header("jwk", `{"kty":"oct","k":"AAAA"}`), header("crit", `["exp"]`), header("crit", `[]`), header("b64", `false`),
		header("zip", `"DEF"`), header("x5t", `"AAAA"`), header("cty", `"JWT"`), header("enc", `"A256GCM"`),
		header("typ", `"other"`), header("typ", `["JWT"]`), header("typ", `1`),
		{"alg twice", func(f forger) string { return f.headAgain("alg", f.header.get("alg")).token() }},
		{"alg twice, none last", func(f forger) string { return f.headAgain("alg", `"none"`).token() }},
		{"kid twice", func(f forger) string { return f.headAgain("kid", f.header.get("kid")).token() }},
		{"alg twice, once escaped", func(f forger) string { return f.headAgain(`\u0061lg`, f.header.get("alg")).token() }},
		{"ALG beside alg", func(f forger) string { return f.headAgain("ALG", `"none"`).token() }},
		{"ALG for alg", func(f forger) string { return f.unhead("alg").headAgain("ALG", f.header.get("alg")).token() }},
		raw("a newline after the header's JSON", func(h string) string { return h + "\n" }),
		raw("a space before the header's JSON", func(h string) string { return " " + h }),
		raw("a header that is a list", func(h string) string { return "[" + h + "]" }),
		raw("a header that is text", func(h string) string { return `"` + "alg" + `"` }),
		raw("a header that ends early", func(h string) string { return h[:len(h)-1] }),
		raw("two headers", func(h string) string { return h + h }),
		raw("a header with a comma too many", func(h string) string { return h[:len(h)-1] + ",}" }),
		raw("a header with a byte order mark", func(h string) string { return "\ufeff" + h }),
		raw("a header that is not UTF-8", func(h string) string { return h[:len(h)-1] + ",\"x\":\"\xff\"}" }),
	}
}

func forgedClaims(soon string) []forgery {
	claim := func(name, value string) forgery {
		return forgery{name + " is " + value[:min(len(value), 40)], func(f forger) string { return f.claim(name, value).token() }}
	}
	gone := func(name string) forgery {
		return forgery{"no " + name, func(f forger) string { return f.unclaim(name).token() }}
	}
	raw := func(name string, change func(string) string) forgery {
		return forgery{name, func(f forger) string { return f.seal(f.header.String(), change(f.claims.String())) }}
	}
	inIssuer := func(name string, change func(string) string) forgery {
		return forgery{"iss " + name, func(f forger) string { return f.claim("iss", change(f.claims.get("iss"))).token() }}
	}
	inAudience := func(name string, change func(string) string) forgery {
		return forgery{"aud " + name, func(f forger) string { return f.claim("aud", change(f.claims.get("aud"))).token() }}
	}
	slash := func(s string) string { return s[:len(s)-1] + `/"` }
	plain := func(s string) string { return strings.Replace(s, "https://", "http://", 1) }
	staging := func(s string) string { return s[:len(s)-1] + `-staging"` }
	space := func(s string) string { return s[:len(s)-1] + ` "` }
	capital := func(s string) string { return strings.ToUpper(s) }
	list := func(s string) string { return `[` + s + `]` }
	lists := func(s string) string { return `["other",` + s + `]` }
	return []forgery{
		gone("exp"), claim("exp", `"`+soon+`"`), claim("exp", `1e300`), claim("exp", soon+`.5`), claim("exp", soon+`e0`), claim("exp", `-1`),
		claim("exp", `0`), claim("exp", `null`), claim("exp", `true`), claim("exp", `[`+soon+`]`), claim("exp", `{}`),
		claim("exp", `99999999999999999999999999`), claim("exp", `9223372036854775808`), claim("exp", `253402300800000`),
		gone("iss"), claim("iss", `""`), claim("iss", `"https://evil.example"`), claim("iss", `null`), claim("iss", `1`),
		inIssuer("with a slash", slash), inIssuer("by http", plainOr(plain)), inIssuer("of staging", staging), inIssuer("with a space", space),
		inIssuer("in capitals", capital), inIssuer("in a list", list),
		gone("aud"), claim("aud", `""`), claim("aud", `"other"`), claim("aud", `null`), claim("aud", `{}`),
		inAudience("with a slash", slash), inAudience("of staging", staging), inAudience("with a space", space),
		inAudience("in capitals", capital), inAudience("in a list", list), inAudience("among others", lists),
		gone("sub"), claim("sub", `""`), claim("sub", `1`), claim("sub", `null`), claim("sub", `["a"]`),
		{"sub twice", func(f forger) string { return f.again("sub", `"somebody-else"`).token() }},
		{"SUB beside sub", func(f forger) string { return f.again("SUB", `"somebody-else"`).token() }},
		{"a name twice deep inside", func(f forger) string { return f.claim("extra", `[{"a":{"b":1,"b":2}}]`).token() }},
		claim("extra", strings.Repeat("[", 100)+strings.Repeat("]", 100)),
		claim("extra", strings.Repeat(`{"a":`, 100)+"1"+strings.Repeat("}", 100)),
		{"a hundred claims", func(f forger) string {
			for i := range 100 {
				f = f.again(fmt.Sprintf("c%d", i), "1")
			}
			return f.token()
		}},
		raw("a newline after the claims' JSON", func(c string) string { return c + "\n" }),
		raw("a space before the claims' JSON", func(c string) string { return " " + c }),
		raw("claims that are a list", list),
		raw("claims that are null", func(string) string { return "null" }),
		raw("claims that are empty", func(string) string { return "{}" }),
		raw("claims that end early", func(c string) string { return c[:len(c)-1] }),
		raw("claims with a comma too many", func(c string) string { return c[:len(c)-1] + ",}" }),
		raw("claims twice", func(c string) string { return c + c }),
		raw("claims with a comment", func(c string) string { return c[:len(c)-1] + "/**/}" }),
		raw("claims that are not UTF-8", func(c string) string { return c[:len(c)-1] + ",\"x\":\"\xff\"}" }),
		raw("claims with a bare NUL", func(c string) string { return c[:len(c)-1] + ",\"x\":\"\x00\"}" }),
	}
}

// plainOr makes sure that a change is one: for a value without https:// the whole becomes another.
func plainOr(change func(string) string) func(string) string {
	return func(s string) string {
		if out := change(s); out != s {
			return out
		}
		return `"http:"`
	}
}

// wantRefusal checks that err is a refusal that repeats nothing of the token.
func wantRefusal(t *testing.T, token string, err error) {
	t.Helper()
	r, ok := errors.AsType[*credential.Refusal](err)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	if !r.Sent {
		t.Error("the refusal says that nothing was sent")
	}
	for part := range strings.FieldsFuncSeq(token, func(r rune) bool { return strings.ContainsRune(".\r\n =", r) }) {
		if len(part) > 6 && strings.Contains(err.Error(), part) {
			t.Errorf("the refusal %q repeats the token", err)
		}
	}
	if len(err.Error()) > 120 {
		t.Errorf("the refusal is %d bytes long: %q", len(err.Error()), err)
	}
}

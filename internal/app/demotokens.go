package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flowpos/flowpos-backend/internal/demo"
	"github.com/flowpos/flowpos-backend/internal/devidentity"
	"github.com/flowpos/flowpos-backend/internal/web"
)

// demoProject is the made-up Firebase project that the demo's people sign in to.
const demoProject = "flowpos-demo"

// demoIdentity says of the demo's people that they signed in.
type demoIdentity struct{ *devidentity.Identity }

func openIdentity(dir string) (demoIdentity, error) {
	i, err := devidentity.Open(dir, demoProject, time.Now)
	return demoIdentity{i}, err
}

// signIns lets the demo's people sign in without internet: the whole way of the product, but for who says that they did.
func (d *demoRun) signIns(cfg *serveCmd) (err error) {
	if d.who, err = openIdentity(d.dir); err != nil {
		return err
	}
	cfg.FirebaseProject, cfg.FirebaseCertsURL, cfg.identity = demoProject, devidentity.CertsURL, d.who.Client()
	if cfg.TokenSecret, err = d.who.Secret(); err != nil {
		return err
	}
	cfg.development, err = d.who.onPages()
	return err
}

// onPages lets the demo's people sign in on the pages, by a button each.
func (i demoIdentity) onPages() (*web.Development, error) {
	people, err := demoPeople()
	if err != nil {
		return nil, err
	}
	out := &web.Development{IDToken: func(email string) (string, error) {
		for _, u := range people {
			if u.Email == email {
				return i.signIn(u)
			}
		}
		return "", errors.New("the demo has nobody of this email")
	}}
	for _, u := range people {
		out.People = append(out.People, web.DevelopmentPerson{Name: u.Name, Email: u.Email})
	}
	return out, nil
}

// signIn is the ID token of one of the demo's people who signs in now.
func (i demoIdentity) signIn(u demo.User) (string, error) {
	return i.IDToken(devidentity.Person{UID: u.FirebaseUID(), Email: u.Email, Name: u.Name})
}

// tokens signs each of the demo's people in.
func (d *demoRun) tokens(ctx context.Context, url string) ([]demoToken, error) {
	people, err := demoPeople()
	if err != nil {
		return nil, err
	}
	out := make([]demoToken, len(people))
	for i, u := range people {
		token, err := exchange(ctx, d.who, u, url)
		if err != nil {
			return nil, fmt.Errorf("sign-in of %s: %w", u.Email, err)
		}
		out[i] = demoToken{u.Email, token}
	}
	return out, nil
}

// demoPeople are those who can sign in; they are the same whatever the seed, but for ids.
func demoPeople() ([]demo.User, error) {
	_, people, err := demo.Cast(1)
	return people, err
}

// exchange turns a sign-in into an access token at a running demo.
func exchange(ctx context.Context, who demoIdentity, u demo.User, url string) (token string, err error) {
	id, err := who.signIn(u)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]string{"idToken": id})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	status, b, err := postJSON(ctx, url+"/token", "", body)
	if err != nil {
		return "", err
	}
	var out struct {
		AccessToken string `json:"accessToken"`
		Error       struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(b, &out); err != nil || out.AccessToken == "" {
		return "", fmt.Errorf("%s/token answered %s: %s", url, status, out.Error.Message)
	}
	return out.AccessToken, nil
}

type demoTokenCmd struct {
	User string `default:"ana@demo.flowpos.app" help:"Who signs in: ana@demo.flowpos.app owns three businesses, luis@… one, beto@… is a cashier."`
}

// Run signs somebody in at the running demo and prints the token.
func (c *demoTokenCmd) Run(ctx context.Context, std IO, d *demoCmd) error {
	dir, err := demoDir(d.DataDir)
	if err != nil {
		return err
	}
	creds, err := readCredentials(stateFile(dir))
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("no demo runs here; start one with flowpos demo")
	}
	if err != nil {
		return err
	}
	people, err := demoPeople()
	if err != nil {
		return err
	}
	var known []string
	for _, u := range people {
		if !strings.EqualFold(u.Email, c.User) {
			known = append(known, u.Email)
			continue
		}
		who, err := openIdentity(dir)
		if err != nil {
			return err
		}
		token, err := exchange(ctx, who, u, creds.URL)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(std.Out, token)
		return err
	}
	return fmt.Errorf("the demo has nobody called %q; its people: %s", c.User, strings.Join(known, ", "))
}

package web

import (
	"errors"
	"net/http"
	"regexp"
)

// SignIn says how people sign in: with Firebase, or, in the demo alone, by a button for each made-up person.
type SignIn struct {
	APIKey     string // of the Firebase project, which is public; empty: no Firebase
	AuthDomain string // host such as flowpos.firebaseapp.com; empty: no "Continue with Google"
	Emulator   string // host:port of the Firebase Auth emulator, in development and tests

	Development *Development // nil but in the demo
}

// Development are made-up people who sign in without a password.
type Development struct {
	People  []DevelopmentPerson
	IDToken func(email string) (string, error)
}

// DevelopmentPerson is one of them. What says who they are is optional.
type DevelopmentPerson struct{ Name, Email, What string }

// On says whether anybody can sign in.
func (s SignIn) On() bool { return s.APIKey != "" || s.Development != nil }

func (s SignIn) popup() bool { return s.APIKey != "" && s.AuthDomain != "" }

// check refuses what would break out of the policy of a page.
func (s SignIn) check() error {
	host := regexp.MustCompile(`^[A-Za-z0-9.-]+(:[0-9]+)?$|^\[[0-9a-fA-F:]+\](:[0-9]+)?$`)
	switch {
	case s.AuthDomain != "" && !host.MatchString(s.AuthDomain):
		return errors.New("web: FIREBASE_AUTH_DOMAIN is not a host name")
	case s.Emulator != "" && !host.MatchString(s.Emulator):
		return errors.New("web: FIREBASE_AUTH_EMULATOR_HOST is not a host and port")
	}
	return nil
}

// signInForm is what a page that asks to sign in shows.
type signInForm struct {
	SignIn
	Action  string // where the ID token goes
	CSRF    string
	Request string // of an authorization; empty on the settings page
	Why     string // names the text that says what the sign-in is for
}

// idToken takes the ID token out of a form: the one that Firebase gave, or one of a made-up person.
func (h *Handler) idToken(r *http.Request) (string, error) {
	if d := h.o.SignIn.Development; d != nil && r.PostForm.Get("person") != "" {
		return d.IDToken(r.PostForm.Get("person"))
	}
	return r.PostForm.Get("id_token"), nil
}

// scripts are what a page needs for it.
func (s SignIn) scripts() []string {
	if s.APIKey == "" {
		return []string{"page.js"}
	}
	return []string{"page.js", "firebase-app-compat.js", "firebase-auth-compat.js", "signin.js"}
}

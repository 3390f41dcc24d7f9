package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path"
	"strings"
	"time"
)

// platform is what Cloud Run says of the service that this process belongs to.
type platform struct {
	project string // id
	url     string // deterministic: https://SERVICE-PROJECTNUMBER.REGION.run.app
}

// metadataTime bounds the whole reading: the server stands beside the instance and answers in milliseconds, or never.
const metadataTime = 2 * time.Second

// fromPlatform fills the settings that Cloud Run knows, so that the documented commands need only DATABASE_URL added. What
// is set stays. Without K_SERVICE it does nothing.
func (c *serveCmd) fromPlatform(ctx context.Context) error {
	service := os.Getenv("K_SERVICE")
	if service == "" {
		return nil
	}
	p, err := readPlatform(ctx, cmp.Or(os.Getenv("GCE_METADATA_HOST"), "metadata.google.internal"), service)
	if err == nil {
		c.FirebaseProject, c.PublicURL = cmp.Or(c.FirebaseProject, p.project), cmp.Or(c.PublicURL, p.url)
		c.cloudProject = p.project
		return nil
	}
	var unset []string
	if c.PublicURL == "" {
		unset = append(unset, "PUBLIC_URL")
	}
	if c.FirebaseProject == "" && c.TokenSecret != "" { // V1 alone needs none
		unset = append(unset, "FIREBASE_PROJECT_ID")
	}
	if len(unset) == 0 {
		return nil
	}
	names := strings.Join(unset, " and ")
	return fmt.Errorf("%s not set, and Cloud Run's metadata server, which knows, cannot be read (%w); set %s", isOrAre(names, len(unset)), err, names)
}

func isOrAre(names string, n int) string {
	if n > 1 {
		return names + " are"
	}
	return names + " is"
}

// readPlatform asks the metadata server. It goes there directly: a proxy would send elsewhere what is only true here.
func readPlatform(ctx context.Context, host, service string) (p platform, err error) {
	ctx, cancel := context.WithTimeout(ctx, metadataTime)
	defer cancel()
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	get := func(what string) (s string) {
		if err == nil {
			s, err = readMetadata(ctx, client, host, what)
		}
		return s
	}
	number, region := get("project/numeric-project-id"), path.Base(get("instance/region")) // projects/NUMBER/regions/REGION
	p.project = get("project/project-id")
	if err != nil {
		return platform{}, err
	}
	label := service + "-" + number
	if len(label) > 63 { // of DNS; Cloud Run then makes up another one
		return platform{}, fmt.Errorf("the name %s is too long for a URL", label)
	}
	p.url = "https://" + label + "." + region + ".run.app"
	return p, nil
}

func readMetadata(ctx context.Context, client *http.Client, host, what string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/computeMetadata/v1/"+what, nil)
	if err != nil {
		return "", errors.New("GCE_METADATA_HOST is not a host")
	}
	req.Header.Set("Metadata-Flavor", "Google")
	resp, err := client.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("no answer from %s in %s", host, metadataTime)
	}
	if err != nil {
		return "", fmt.Errorf("no answer from %s", host)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 256))
	s := strings.TrimSpace(string(b))
	if err != nil || resp.StatusCode != http.StatusOK || !plainWord(s) {
		return "", fmt.Errorf("%s answers %d to %s", host, resp.StatusCode, what)
	}
	return s, nil
}

// plainWord is what ids, numbers and regions consist of; anything else would not make a URL.
func plainWord(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:./") == ""
}

// inProject has every line with a request's id of the platform say which trace it belongs to, so that Cloud Logging shows
// it below the platform's own line of the request.
func inProject(h slog.Handler, project string) slog.Handler {
	lines, ok := h.(*jsonLines)
	if !ok || project == "" {
		return h
	}
	out := *lines
	out.traces = "projects/" + project + "/traces/"
	return &out
}

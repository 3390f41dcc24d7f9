package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// flatten reads the part of YAML that service.yaml is written in: maps, lists of maps with a name, and plain values.
func flatten(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	type level struct {
		indent int
		key    string
	}
	var stack []level
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimRight(line, "\n"), " #")
		body := strings.TrimLeft(line, " ")
		if body == "" || strings.HasPrefix(body, "#") {
			continue
		}
		indent := len(line) - len(body)
		if item, ok := strings.CutPrefix(body, "- "); ok {
			for len(stack) > 0 && stack[len(stack)-1].indent > indent || len(stack) > 0 && strings.HasPrefix(stack[len(stack)-1].key, "[") && stack[len(stack)-1].indent == indent {
				stack = stack[:len(stack)-1]
			}
			key, value, _ := strings.Cut(item, ": ")
			name := "[]"
			if key == "name" {
				name = "[" + value + "]"
			}
			stack = append(stack, level{indent, name})
			body, indent = item, indent+2
		}
		for len(stack) > 0 && stack[len(stack)-1].indent >= indent {
			stack = stack[:len(stack)-1]
		}
		key, value, ok := strings.Cut(body, ":")
		if !ok {
			t.Fatalf("not understood: %q", line)
		}
		path := ""
		for _, l := range stack {
			path += l.key + "."
		}
		if value = strings.Trim(strings.TrimSpace(value), "'"); value == "" {
			stack = append(stack, level{indent, key})
			continue
		}
		if _, twice := out[path+key]; twice {
			t.Errorf("%s is there twice", path+key)
		}
		out[path+key] = value
	}
	return out
}

// Every value of the description, filled in for the document's example.
func TestServiceHasTheDocumentsSettings(t *testing.T) {
	t.Parallel()
	text, status := script(t, settings("FIREBASE_API_KEY=AIza", "FIREBASE_AUTH_DOMAIN=your-project.firebaseapp.com"), "deploy.sh", "--print-service")
	if status != 0 || strings.Contains(text, "${") && !strings.Contains(text, "# ") {
		t.Fatalf("status %d: %s", status, text)
	}
	const (
		template  = "spec.template.spec."
		container = template + "containers.[]."
		annotated = "spec.template.metadata.annotations."
	)
	want := map[string]string{
		"apiVersion":    "serving.knative.dev/v1",
		"kind":          "Service",
		"metadata.name": "flowpos-backend",
		"metadata.annotations.run.googleapis.com/ingress":              "all",
		"metadata.annotations.run.googleapis.com/invoker-iam-disabled": "true", // --allow-unauthenticated
		annotated + "autoscaling.knative.dev/minScale":                 "1",
		annotated + "autoscaling.knative.dev/maxScale":                 "10",
		annotated + "run.googleapis.com/sessionAffinity":               "true",
		annotated + "run.googleapis.com/startup-cpu-boost":             "true",
		annotated + "run.googleapis.com/vpc-access-connector":          "projects/YOUR_PROJECT/locations/us-central1/connectors/YOUR_VPC_CONNECTOR",
		annotated + "run.googleapis.com/vpc-access-egress":             "private-ranges-only",
		template + "serviceAccountName":                                "YOUR_SA@YOUR_PROJECT.iam.gserviceaccount.com",
		template + "containerConcurrency":                              "80",
		template + "timeoutSeconds":                                    "3600",
		container + "image":                                            "gcr.io/YOUR_PROJECT/flowpos-backend:v1",
		container + "ports.[http1].name":                               "http1",
		container + "ports.[http1].containerPort":                      "4000",
		container + "resources.limits.cpu":                             "1",
		container + "resources.limits.memory":                          "512Mi",
		container + "startupProbe.httpGet.path":                        "/health/ready",
		container + "startupProbe.httpGet.port":                        "4000",
		container + "startupProbe.periodSeconds":                       "1",
		container + "startupProbe.timeoutSeconds":                      "1",
		container + "startupProbe.failureThreshold":                    "240",
		container + "livenessProbe.httpGet.path":                       "/health/live",
		container + "livenessProbe.httpGet.port":                       "4000",
		container + "livenessProbe.periodSeconds":                      "10",
		container + "livenessProbe.timeoutSeconds":                     "2",
		container + "livenessProbe.failureThreshold":                   "3",
		"spec.traffic.[].latestRevision":                               "true",
		"spec.traffic.[].percent":                                      "100",
	}
	for name, value := range map[string]string{
		"NODE_ENV": "production", "GOMAXPROCS": "1", "MCP_TOKEN_TTL_SECONDS": "86400", "REDIS_HOST": "10.0.0.3", "REDIS_PORT": "6379", "STREAM_MAX_SECONDS": "3300",
		"FIREBASE_API_KEY": "AIza", "FIREBASE_AUTH_DOMAIN": "your-project.firebaseapp.com",
		"ALLOWED_HOSTS": "candidate---flowpos-backend-123456789012.us-central1.run.app",
	} {
		want[container+"env.["+name+"].name"], want[container+"env.["+name+"].value"] = name, value
	}
	for _, name := range []string{"MCP_TOKEN_SECRET", "REDIS_PASSWORD", "DATABASE_URL"} {
		at := container + "env.[" + name + "]."
		want[at+"name"], want[at+"valueFrom.secretKeyRef.name"], want[at+"valueFrom.secretKeyRef.key"] = name, name, "latest"
	}
	if diff := cmp.Diff(want, flatten(t, text)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// deploy.sh sets with flags what the description says, and nothing of the document's commands is missing.
func TestScriptSetsWhatTheDescriptionSays(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/deploy-pages.golden")
	if err != nil {
		t.Fatal(err)
	}
	command, _, _ := strings.Cut(string(b), "\n")
	command = strings.ReplaceAll(command, "--vpc-connector=", "--vpc-connector ") + " "
	for _, flag := range []string{
		"--image gcr.io/YOUR_PROJECT/flowpos-backend:v1", "--region us-central1", "--platform managed", "--session-affinity", "--min-instances 1",
		"--max-instances 10", "--memory 512Mi", "--cpu 1", "--port 4000", "--timeout 3600", "--concurrency 80", "--cpu-boost",
		"--vpc-connector projects/YOUR_PROJECT/locations/us-central1/connectors/YOUR_VPC_CONNECTOR", "--vpc-egress=private-ranges-only",
		"--service-account YOUR_SA@YOUR_PROJECT.iam.gserviceaccount.com", "--allow-unauthenticated", "--no-traffic --tag candidate",
		"--startup-probe httpGet.path=/health/ready,httpGet.port=4000,periodSeconds=1,timeoutSeconds=1,failureThreshold=240",
		"--liveness-probe httpGet.path=/health/live,httpGet.port=4000,periodSeconds=10,timeoutSeconds=2,failureThreshold=3",
	} {
		if !strings.Contains(command, " "+flag+" ") {
			t.Errorf("lacks %s", flag)
		}
	}
	text, _ := script(t, settings("FIREBASE_API_KEY=AIza", "FIREBASE_AUTH_DOMAIN=your-project.firebaseapp.com"), "deploy.sh", "--print-service")
	for key, value := range flatten(t, text) {
		name, env := strings.CutPrefix(key, "spec.template.spec.containers.[].env.[")
		if name, _, _ = strings.Cut(name, "]"); !env || strings.HasSuffix(key, ".name") {
			continue
		}
		set := name + "=" + value
		if strings.HasSuffix(key, "secretKeyRef.key") {
			set = name + "=" + name + ":" + value
		}
		if !strings.Contains(command, set) {
			t.Errorf("lacks %s", set)
		}
	}
}

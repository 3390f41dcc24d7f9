#!/usr/bin/env bash
# Deploys the image as a candidate that gets no traffic, asks it the checklist, and only then sends it everybody:
#
#   deploy/deploy.sh [--dry-run] [--no-promote]   --no-promote stops after the checklist
#   deploy/deploy.sh --print-service              prints service.yaml, filled in
#
# FLOWPOS_ID_TOKEN (a Firebase ID token of a member of a business) and FLOWPOS_KEY (an API key) let the checklist try
# everything; without them it says what it did not try. PUBLIC_URL, where clients reach the service by a domain of its own.
# TOKEN_SECRET_VERSION and TOKEN_SECRET_PREVIOUS_VERSION are for a change of the secret, see docs/operations.md.
# The first deployment ever has no revision that could keep the traffic: it is asked the checklist afterwards.
# shellcheck source=deploy/lib.sh
. "$(dirname "$0")/lib.sh"
promote=yes print=
for arg in "$@"; do
	case $arg in
	--no-promote) promote= ;;
	--print-service) print=yes ;;
	*) common_flag "$arg" ;;
	esac
done
vpc_flags=$(vpc)
read -ra network <<<"$vpc_flags"
: "${PROJECT_NUMBER:=$(gcloud projects describe "$PROJECT" --format='value(projectNumber)')}"
: "${TOKEN_SECRET_VERSION:=latest}" "${TOKEN_SECRET_PREVIOUS_VERSION:=}"
: "${FLOWPOS:=$root/bin/flowpos}"

host=$SERVICE-$PROJECT_NUMBER.$REGION.run.app
candidate=candidate---$host
url=${PUBLIC_URL:-https://$host}
ALLOWED_HOSTS=$candidate
if [ "$url" != "https://$host" ]; then
	ALLOWED_HOSTS=$ALLOWED_HOSTS,$host
fi

if [ -n "$print" ]; then
	[ -z "$REDIS_TLS" ] || fail "Cloud Run's description has Redis without TLS in it; leave REDIS_TLS empty"
	[ -n "$VPC_CONNECTOR" ] || fail "Cloud Run's description has a connector and Redis in it; set VPC_CONNECTOR and REDIS_HOST"
	text=$(<"$here/service.yaml")
	for name in PROJECT REGION IMAGE SERVICE_ACCOUNT REDIS_HOST VPC_CONNECTOR ALLOWED_HOSTS FIREBASE_API_KEY FIREBASE_AUTH_DOMAIN; do
		text=${text//"\${$name}"/"${!name}"}
	done
	printf '%s\n' "$text"
	exit
fi

# @ stands between variables: hosts have commas between them. GOMAXPROCS is --cpu: Go takes two threads for one CPU, which cost a
# sixth of the calls a second there and three times the p99 (docs/operations.md).
variables="^@^NODE_ENV=production@GOMAXPROCS=1@MCP_TOKEN_TTL_SECONDS=86400@STREAM_MAX_SECONDS=3300@ALLOWED_HOSTS=$ALLOWED_HOSTS"
secrets=MCP_TOKEN_SECRET=MCP_TOKEN_SECRET:$TOKEN_SECRET_VERSION,DATABASE_URL=DATABASE_URL:latest
if [ -n "$REDIS_HOST" ]; then
	secrets+=,REDIS_PASSWORD=REDIS_PASSWORD:latest
	if [ -n "$REDIS_TLS" ]; then
		variables+="@REDIS_HOST=$REDIS_HOST@REDIS_PORT=6378@REDIS_CA_FILE=/redis/authority.pem"
		secrets+=,/redis/authority.pem=REDIS_AUTHORITY:latest
	else
		variables+="@REDIS_HOST=$REDIS_HOST@REDIS_PORT=6379"
	fi
fi
for name in FIREBASE_API_KEY FIREBASE_AUTH_DOMAIN; do
	if [ -n "${!name}" ]; then
		variables+="@$name=${!name}"
	fi
done
if [ -n "$TOKEN_SECRET_PREVIOUS_VERSION" ]; then
	secrets+=,MCP_TOKEN_SECRET_PREVIOUS=MCP_TOKEN_SECRET:$TOKEN_SECRET_PREVIOUS_VERSION
fi
if [ "$url" != "https://$host" ]; then
	variables+="@PUBLIC_URL=$url"
fi

aside=(--no-traffic --tag candidate)
if [ -z "$dry_run" ]; then
	there=$(gcloud run services list --project "$PROJECT" --region "$REGION" --filter="metadata.name=$SERVICE" --format='value(metadata.name)')
	if [ -z "$there" ]; then
		aside=(--tag candidate)
	fi
fi
run gcloud run deploy "$SERVICE" --project "$PROJECT" --image "$IMAGE" --region "$REGION" --platform managed \
	--session-affinity --min-instances 1 --max-instances 10 --memory 512Mi --cpu 1 --port 4000 \
	--concurrency 80 --timeout 3600 --cpu-boost \
	--startup-probe httpGet.path=/health/ready,httpGet.port=4000,periodSeconds=1,timeoutSeconds=1,failureThreshold=240 \
	--liveness-probe httpGet.path=/health/live,httpGet.port=4000,periodSeconds=10,timeoutSeconds=2,failureThreshold=3 \
	--set-env-vars "$variables" --set-secrets "$secrets" \
	"${network[@]}" ${CLOUD_SQL:+"--set-cloudsql-instances=$CLOUD_SQL"} \
	--service-account "$SERVICE_ACCOUNT" --allow-unauthenticated "${aside[@]}"

run curl -fsS --max-time 10 --retry 10 --retry-delay 2 --retry-all-errors "https://$candidate/health"
run "$FLOWPOS" verify "https://$candidate" --public-url "$url"
if [ -z "$promote" ]; then
	exit
fi
run gcloud run services update-traffic "$SERVICE" --project "$PROJECT" --region "$REGION" --to-tags candidate=100
run "$FLOWPOS" verify "$url"

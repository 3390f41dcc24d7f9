# shellcheck shell=bash
# What the scripts of this folder share: their settings, and --dry-run, which prints every command that would change
# something and runs none. Sourced, not run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
dry_run=
for word in "$@"; do
	if [ "$word" = --help ] || [ "$word" = -h ]; then
		sed -n '2,/^$/{/^# shellcheck/q;s/^# \{0,1\}//p}' "$0"
		exit 0
	fi
done
if [ -f "${DEPLOY_ENV:-$here/env}" ]; then
	# shellcheck source=/dev/null
	. "${DEPLOY_ENV:-$here/env}"
fi
: "${PROJECT:?copy deploy/env.example to deploy/env and fill it in}"
: "${REGION:=us-central1}"
SERVICE=flowpos-backend
: "${SERVICE_ACCOUNT:=flowpos@$PROJECT.iam.gserviceaccount.com}"
: "${JOB_SERVICE_ACCOUNT:=flowpos-migrate@$PROJECT.iam.gserviceaccount.com}"
: "${REDIS_HOST:=}" "${REDIS_TLS:=}" "${VPC_CONNECTOR:=}" "${NETWORK:=}" "${SUBNET:=}" "${CLOUD_SQL:=}"
: "${FIREBASE_API_KEY:=}" "${FIREBASE_AUTH_DOMAIN:=}"
: "${TAG:=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null || echo latest)}"
: "${IMAGE:=gcr.io/$PROJECT/$SERVICE:$TAG}"

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# run runs a command, or prints it as it would be typed.
run() {
	if [ -z "$dry_run" ]; then
		"$@"
		return
	fi
	local word line=
	for word in "$@"; do
		case $word in
		*[!A-Za-z0-9_./:=,@%+-]* | '') word="'${word//\'/\'\\\'\'}'" ;;
		esac
		line+="${line:+ }$word"
	done
	printf '%s\n' "$line"
}

# common_flag takes the flags that every script has.
common_flag() {
	case $1 in
	--dry-run) dry_run=yes ;;
	*) fail "unknown argument $1; see $0 --help" ;;
	esac
}

# vpc prints the flags of the way to Redis and PostgreSQL: the documented connector, or Direct VPC egress.
vpc() {
	if [ -n "$VPC_CONNECTOR" ] && [ -n "$NETWORK$SUBNET" ]; then
		fail "set VPC_CONNECTOR, or NETWORK and SUBNET, not both"
	elif [ -n "$VPC_CONNECTOR" ]; then
		echo "--vpc-connector=projects/$PROJECT/locations/$REGION/connectors/$VPC_CONNECTOR --vpc-egress=private-ranges-only"
	elif [ -n "$NETWORK" ] && [ -n "$SUBNET" ]; then
		echo "--network=$NETWORK --subnet=$SUBNET --vpc-egress=private-ranges-only"
	elif [ -n "$REDIS_HOST" ]; then
		fail "Redis is in a VPC: set VPC_CONNECTOR, or NETWORK and SUBNET for Direct VPC egress"
	fi
}

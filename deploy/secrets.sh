#!/usr/bin/env bash
# Makes the secrets in Secret Manager that are not there yet, and lets those read them who need them:
#
#   deploy/secrets.sh [--dry-run]            make what is missing
#   deploy/secrets.sh [--dry-run] add NAME   add a new version of one
#
# MCP_TOKEN_SECRET is made of 32 random bytes. REDIS_PASSWORD, DATABASE_URL and DATABASE_OWNER_URL are read from variables of
# these names, or asked for; they never stand in a command line. With REDIS_TLS there is REDIS_AUTHORITY too, the PEM text of
# Redis's authority, of the variable of this name. DATABASE_OWNER_URL is for the migration job alone, the service may read all
# others. A new version of MCP_TOKEN_SECRET is for the steps of docs/operations.md: instances that start afterwards would sign
# with it while the others do not know it.
# shellcheck source=deploy/lib.sh
. "$(dirname "$0")/lib.sh"
add=
while [ $# -gt 0 ]; do
	case $1 in
	add) add=${2:?add needs the name of a secret} && shift ;;
	*) common_flag "$1" ;;
	esac
	shift
done

# value writes a secret to standard output.
value() {
	if [ "$1" = MCP_TOKEN_SECRET ]; then
		openssl rand -hex 32 | tr -d '\n'
		return
	fi
	local v=${!1:-}
	if [ -z "$v" ] && [ "$1" != REDIS_AUTHORITY ]; then # which has more than one line
		read -rsp "$1: " v </dev/tty
		echo >&2
	fi
	[ -n "$v" ] || fail "$1 is empty"
	printf %s "$v"
}

# send gives a secret to a command on its standard input.
send() {
	local name=$1
	shift
	if [ -n "$dry_run" ]; then
		printf '%s | ' "(value of $name)"
		run "$@"
	else
		value "$name" | "$@"
	fi
}

exists() { [ -z "$dry_run" ] && gcloud secrets describe "$1" --project "$PROJECT" >/dev/null 2>&1; }

make() {
	local name=$1 reader=$2
	if ! exists "$name"; then
		send "$name" gcloud secrets create "$name" --project "$PROJECT" --replication-policy automatic --data-file=-
	fi
	run gcloud secrets add-iam-policy-binding "$name" --project "$PROJECT" \
		--member="serviceAccount:$reader" --role=roles/secretmanager.secretAccessor
}

case $add in
'') ;;
MCP_TOKEN_SECRET | REDIS_PASSWORD | REDIS_AUTHORITY | DATABASE_URL | DATABASE_OWNER_URL)
	send "$add" gcloud secrets versions add "$add" --project "$PROJECT" --data-file=-
	exit
	;;
*) fail "there is no secret $add" ;;
esac
make MCP_TOKEN_SECRET "$SERVICE_ACCOUNT"
if [ -n "$REDIS_HOST" ]; then
	make REDIS_PASSWORD "$SERVICE_ACCOUNT"
	if [ -n "$REDIS_TLS" ]; then
		make REDIS_AUTHORITY "$SERVICE_ACCOUNT"
	fi
fi
make DATABASE_URL "$SERVICE_ACCOUNT"
make DATABASE_OWNER_URL "$JOB_SERVICE_ACCOUNT"

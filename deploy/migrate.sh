#!/usr/bin/env bash
# Brings the schema up to date: flowpos migrate as a job of its own, which alone knows DATABASE_OWNER_URL:
#
#   deploy/migrate.sh [--dry-run]
#
# Run it before deploy.sh. The running revision goes on: migrations leave what it uses alone.
# shellcheck source=deploy/lib.sh
. "$(dirname "$0")/lib.sh"
for arg in "$@"; do common_flag "$arg"; done
vpc_flags=$(vpc)
read -ra network <<<"$vpc_flags"
run gcloud run jobs deploy flowpos-migrate --project "$PROJECT" --region "$REGION" --image "$IMAGE" --args=migrate \
	--set-secrets DATABASE_OWNER_URL=DATABASE_OWNER_URL:latest --service-account "$JOB_SERVICE_ACCOUNT" \
	"${network[@]}" ${CLOUD_SQL:+"--set-cloudsql-instances=$CLOUD_SQL"} \
	--max-retries 0 --task-timeout 30m --memory 512Mi --cpu 1
run gcloud run jobs execute flowpos-migrate --project "$PROJECT" --region "$REGION" --wait

#!/usr/bin/env bash
# Builds the image without a container engine and sends it to the registry:
#
#   deploy/image.sh [--dry-run]
#
# IMAGE is gcr.io/PROJECT/flowpos-backend:COMMIT unless set. Whoever prefers Cloud Build: gcloud builds submit --tag IMAGE.
# shellcheck source=deploy/lib.sh
. "$(dirname "$0")/lib.sh"
for arg in "$@"; do common_flag "$arg"; done
cd "$root" || exit
run go run ./deploy/image build -o bin/flowpos-image.tar
if [ -z "$dry_run" ]; then
	REGISTRY_TOKEN=$(gcloud auth print-access-token)
	export REGISTRY_TOKEN
fi
run go run ./deploy/image push -image bin/flowpos-image.tar "$IMAGE"

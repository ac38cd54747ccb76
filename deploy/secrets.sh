#!/usr/bin/env bash
# Makes what is missing in deploy/secrets: passwords by chance; keys of the clouds it can only ask for.
set -euo pipefail
cd "$(dirname "$0")/secrets"

for name in redis-password grafana-admin-password; do
  [ -s "$name" ] || head -c 24 /dev/urandom | base64 | tr -d '/+=\n' > "$name"
done

missing=0
for name in aws-api-key azure-api-key; do
  [ -s "$name" ] || { echo "Put the key of the endpoint into deploy/secrets/$name." >&2; missing=1; }
done

# Containers run as users of their own and must read them; the folder keeps everybody else out.
chmod 0700 .
find . -type f ! -name .gitignore -exec chmod 0644 {} +
exit "$missing"

#!/bin/sh
# Writes .env from .env.example beside it, each empty secret filled at random. One that is there stays as it is.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
    echo "deploy/compose/.env is there already: kept as it is."
    exit
fi
umask 077
while IFS= read -r line; do
    case $line in
    [A-Z]*=) printf '%s%s\n' "$line" "$(od -An -v -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
    esac
done <.env.example >.env.new
mv .env.new .env
echo "deploy/compose/.env is written. The admin key:"
sed -n 's/^VIGIE_ADMIN_KEY=//p' .env

#!/bin/sh
# The users of the queue's server, from roles.acl: draws their passwords and writes
#
#   DIR/users.acl       for the server: `--aclfile DIR/users.acl`. It holds SHA-256 of passwords, no password
#   DIR/ROLE.password   the passwords, 256 random bits in hex each; for their owner's eyes only
#   DIR/ROLE.env        the same as the environment of a process: INSPECTOR_REDIS_URL for ours, with the server at
#                       HOST:PORT; REDIS_USER and REDIS_PASSWORD for others
#
#   sh deploy/redis/make_users.sh [--to DIR] [--server HOST:PORT] [--scheme rediss]
#
# What docker-compose.yml expects is the default. A password that is there is kept: run it again when roles.acl
# has changed. For a new one remove ROLE.password first. Then restart the server, which loses nothing, and whoever
# uses the password.
set -eu
umask 077

here=$(dirname "$0")
to=$here/secrets
server=redis:6379
scheme=redis

while [ $# -gt 0 ]; do
    case $1 in
        --to) to=${2:?--to DIR} ;;
        --server) server=${2:?--server HOST:PORT} ;;
        --scheme) scheme=${2:?--scheme redis, rediss, redis+sentinel or redis+cluster} ;;
        *) echo "usage: sh $0 [--to DIR] [--server HOST:PORT] [--scheme rediss]" >&2; exit 2 ;;
    esac
    shift 2
done

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

mkdir -p "$to"
hashes=
for role in $(sed -n 's/^user \([a-z]*\) on PASSWORD.*/\1/p' "$here/roles.acl"); do
    file=$to/$role.password
    if [ ! -s "$file" ]; then
        od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$file.part"
        mv "$file.part" "$file"
    fi
    password=$(cat "$file")
    hashes="$hashes $role=$(printf %s "$password" | sha256)"
    {
        echo "INSPECTOR_REDIS_URL=$scheme://$role:$password@$server"
        echo "REDIS_USER=$role"
        echo "REDIS_PASSWORD=$password"
    } >"$to/$role.env"
done

awk -v hashes="$hashes" '
    BEGIN { split(hashes, pairs, " "); for (n in pairs) { split(pairs[n], pair, "="); hash[pair[1]] = pair[2] } }
    /^ *(#|$)/ { next }
    /^user / { if (line != "") print line; line = ""; sub(/PASSWORD/, "#" hash[$2]) }
    { sub(/^ +/, " "); line = line $0 }
    END { print line }
' "$here/roles.acl" >"$to/users.acl.part"
chmod 644 "$to/users.acl.part"  # the server runs as another user
mv "$to/users.acl.part" "$to/users.acl"
chmod 755 "$to"
echo "$to: the users of the queue's server, and a file with the password of each"

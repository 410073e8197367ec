#!/bin/sh
# See to it that the tests have a PostgreSQL: the one there is, else Debian's own where that is allowed. The tests start
# a server of their own in a temporary folder and touch no other. Without the programs they are skipped; with CI=true
# that is a failure, as nobody would read the notice.
set -eu

find_postgres() {
    command -v initdb >/dev/null && return 0
    for found in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$found" ] && return 0
    done
    return 1
}

find_postgres && exit 0

as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if grep -qs '^ID=debian' /etc/os-release && command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing Debian's postgresql for the tests of the shop's database"
    $as_root apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends postgresql || true
    find_postgres && exit 0
fi

echo "No PostgreSQL was found and none may be installed here: ITS TESTS WILL BE SKIPPED." >&2
echo "Install it (Debian: sudo apt-get install postgresql)." >&2
[ "${CI:-}" != true ]

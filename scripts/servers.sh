#!/bin/sh
# See to it that the tests have a PostgreSQL and an nginx: those there are, else Debian's own where that is allowed. The
# tests start servers of their own in temporary folders and touch no other. Without the programs those tests are
# skipped; with CI=true that is a failure, as nobody would read the notice.
set -eu

find_program() {
    command -v "$1" >/dev/null && return 0
    for found in /usr/lib/postgresql/*/bin/"$1" /usr/sbin/"$1"; do
        [ -x "$found" ] && return 0
    done
    return 1
}

missing=
find_program initdb || missing="$missing postgresql"
find_program nginx || missing="$missing nginx-light"
find_program openssl || missing="$missing openssl"
[ -z "$missing" ] && exit 0

as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if grep -qs '^ID=debian' /etc/os-release && command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing Debian's$missing for the tests"
    # Installed, they would be started as services, which the tests have no use for.
    $as_root apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 $as_root \
            apt-get install -y -qq --no-install-recommends $missing || true
    find_program initdb && find_program nginx && find_program openssl && exit 0
fi

echo "Not found, and may not be installed here:$missing. THEIR TESTS WILL BE SKIPPED." >&2
echo "Install them (Debian: sudo apt-get install$missing)." >&2
[ "${CI:-}" != true ]

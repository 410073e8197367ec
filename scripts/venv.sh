#!/bin/sh
# Make .venv with the given Python. Debian ships `venv` in a package of its own: fetch it where that is allowed.
set -eu
python=$1

"$python" -m venv .venv && exit 0

rm -rf .venv
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    $as_root apt-get update -qq
    $as_root apt-get install -y -qq --no-install-recommends "python$version-venv"
    exec "$python" -m venv .venv
fi
echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt-get install python$version-venv" >&2
exit 1

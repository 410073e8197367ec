#!/bin/sh
# See to it that the browser tests have a browser: any Chromium there is, else Debian's own where that is allowed.
# Without one they are skipped; with CI=true that is a failure, as nobody would read the notice.
set -eu

find_browser() {
    for name in "${CHROMIUM:-chromium}" chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return 0
    done
    [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

find_browser && exit 0

as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if grep -qs '^ID=debian' /etc/os-release && command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing Debian's chromium for the browser tests"
    $as_root apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends chromium || true
    find_browser && exit 0
fi

echo "No Chromium or Chrome was found and none may be installed here: THE BROWSER TESTS WILL BE SKIPPED." >&2
echo "Install chromium (Debian: sudo apt-get install chromium) or point CHROMIUM at one." >&2
[ "${CI:-}" != true ]

#!/bin/sh
# Installs the optional Debian programs that some tests use. Without them those tests skip and say so.
#
#     sh tools/system.sh              what is listed below
#     sh tools/system.sh PACKAGE…     these instead
#
# A house test holds the list to what the tests look for: "program package", one line each.
set -eu

PROGRAMS='
bwrap bubblewrap
chromium chromium
dsrdump dcmtk
ffmpeg ffmpeg
ffprobe ffmpeg
storescu dcmtk
initdb postgresql
ip iproute2
'
PATH="$PATH:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')" # Debian keeps the server's programs off the path

packages="$*"
if [ -z "$packages" ]; then
    packages=$(echo "$PROGRAMS" | while read -r program package; do
        [ -z "$program" ] || command -v "$program" >/dev/null 2>&1 || echo "$package"
    done | sort -u)
fi
if [ -z "$packages" ]; then
    echo "system: nothing to install"
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "system: this is no Debian; please install:" $packages >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "system: please install as root:" $packages >&2
        exit 1
    fi
    as_root="sudo"
fi
export DEBIAN_FRONTEND=noninteractive
echo "system: installing" $packages
$as_root apt-get update -qq
$as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null

#!/bin/sh
# aarch64.sh ROOT: lays out Debian's arm64 packages of the libraries that Blok and its tests need in the
# folder ROOT, for cmake/aarch64.cmake. Asks apt with a state of its own: nothing on this machine is
# changed. Does nothing when ROOT is there already.
set -eu
root=$1
[ -d "$root" ] && exit 0
mkdir -p "$root.apt/lists/partial" "$root.apt/archives/partial"
apt=$(cd "$root.apt" && pwd)
: > "$apt/status"
set -- -q -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State=$apt" \
  -o "Dir::State::lists=$apt/lists" -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt" \
  -o APT::Sandbox::User=
apt-get "$@" update > "$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
(cd "$apt/archives" && apt-get "$@" download libprotobuf-c-dev libprotobuf-c1 check libsubunit-dev \
  libsubunit0 libpng-dev libpng16-16 libjpeg62-turbo-dev libjpeg62-turbo zlib1g-dev zlib1g) \
  >> "$apt/log" 2>&1 || { cat "$apt/log" >&2; exit 1; }
mkdir -p "$root.new"
for package in "$apt"/archives/*.deb; do dpkg -x "$package" "$root.new"; done
# zlib's library lies in /lib, which a merged /usr expects in /usr/lib.
if [ -d "$root.new/lib" ]; then cp -a "$root.new/lib/." "$root.new/usr/lib/"; fi
mv "$root.new" "$root"

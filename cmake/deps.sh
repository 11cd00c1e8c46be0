#!/bin/sh
# deps.sh build|test...: installs the Debian packages that are missing for building or testing Blok.
# Silent when nothing is. Without apt, or without the right to use it, it names them in one line.
set -eu

packages=
for what in "$@"; do
  case $what in
    build)
      packages="$packages pkg-config libprotobuf-c-dev libpng-dev libjpeg-dev libopenblas-serial-dev"
      command -v cc > /dev/null || packages="$packages gcc libc6-dev"
      command -v cmake > /dev/null || packages="$packages cmake"
      ;;
    test)
      packages="$packages check g++"
      command -v python3 > /dev/null || packages="$packages python3"
      ;;
    *) packages="$packages $what" ;;
  esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  missing=
  for pair in protobuf-c/protobuf-c.h:protobuf-c png.h:libpng jpeglib.h:libjpeg check.h:check; do
    case $pair in check.h:*) case " $* " in *" test "*) ;; *) continue ;; esac ;; esac
    printf '#include <stdio.h>\n#include <%s>\n' "${pair%%:*}" | cc -E -x c - > /dev/null 2>&1 ||
      missing="$missing ${pair##*:}"
  done
  [ -z "$missing" ] && exit 0
  echo "missing, to be installed with your package manager (development files):$missing" >&2
  exit 1
fi

missing=
for package in $packages; do
  case $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null || true) in
    *"install ok installed"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -z "$missing" ] && exit 0

run=
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo > /dev/null && sudo -n true 2> /dev/null; then
    run='sudo -n'
  else
    echo "missing packages: run as root: apt-get install$missing" >&2
    exit 1
  fi
fi
echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
if ! { $run apt-get -q update && $run env DEBIAN_FRONTEND=noninteractive apt-get -q install -y \
  --no-install-recommends $missing; } < /dev/null > "$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "could not install:$missing" >&2
  exit 1
fi

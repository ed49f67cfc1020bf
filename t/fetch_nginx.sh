#!/usr/bin/env bash
# Fetches the sources of the installed nginx, from Debian, into OUT/src. Run from the top folder, by
# t/sanitize.sh and by tests that need an nginx of their own: fetch_nginx.sh OUT
set -euo pipefail

OUT=$(realpath -m "$1")
sources=$OUT/src

die() {
    echo "fetch_nginx: $*" >&2
    exit 1
}

# The source package of the installed nginx, with Debian's patches, or of the newest revision that
# is to be had: mirrors keep old ones as binaries only. The machine's list of packages stays as it
# is: sources are asked for in one of our own.
fetch_sources() {
    local installed version apt=$OUT/apt
    local private=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=-
        -o "Dir::State=$apt" -o "Dir::Cache=$apt" -o Dir::State::Status=/var/lib/dpkg/status
        -o APT::Sandbox::User=)

    # shellcheck disable=SC2016  # for dpkg to expand
    installed=$(dpkg-query -W -f '${source:Version}' nginx) || die "nginx is not a Debian package"
    [ "$(cat "$OUT/version" 2>/dev/null)" != "$installed" ] || return 0

    rm -rf "$apt" "$sources"
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    # shellcheck disable=SC2016  # for apt to expand
    apt-get indextargets 'Created-By: Packages' \
        --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' | sort -u >"$apt/sources.list"
    apt-get "${private[@]}" update >&2 || die "found no lists of source packages"

    for version in "$installed" $(apt-cache "${private[@]}" showsrc nginx |
        sed -n "s/^Version: \(${installed%-*}-.*\)/\1/p" | sort -rVu); do
        ! download "$version" || break
        version=
    done
    [ -n "$version" ] || die "found no source package of nginx $installed"
    [ "$version" = "$installed" ] ||
        echo "fetch_nginx: took $version in place of nginx $installed" >&2

    dpkg-source --no-check -x "$apt"/nginx_*.dsc "$sources" >"$OUT/unpack.log"
    echo "$installed" >"$OUT/version"
}

# Hashes are checked by apt, against its signed lists.
download() {
    (cd "$apt" && apt-get "${private[@]}" --download-only source "nginx=$1") \
        >"$OUT/download.log" 2>&1
}

mkdir -p "$OUT"
fetch_sources

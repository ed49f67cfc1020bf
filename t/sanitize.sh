#!/usr/bin/env bash
# Builds nginx and the module as one program under ASan and UBSan, with each piece of a pool an
# allocation of its own (NGX_DEBUG_PALLOC), because pools hide overruns. Run by `./build.sh
# sanitize` from the top folder, with CC, NGINX (whose sources are taken), OUT (a folder, for all
# that is written), NGINX_SRC if the sources are there, and nginx's configure arguments.
set -euo pipefail

root=$PWD
sources=$OUT/src
built=$OUT/nginx

# A finding ends the process, so that no test can overlook it.
flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"

# What nginx's own code does on purpose on x86: it reads words wherever they are, and hands null
# pointers with a length of zero to memcpy(). Ours may do neither.
allowed=alignment,nonnull-attribute

die() {
    echo "sanitize: $*" >&2
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

    rm -rf "$apt" "$sources" "$built"
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
    [ "$version" = "$installed" ] || echo "sanitize: nginx $installed is tested as $version" >&2

    dpkg-source --no-check -x "$apt"/nginx_*.dsc "$sources" >"$OUT/unpack.log"
    echo "$installed" >"$OUT/version"
}

# Hashes are checked by apt, against its signed lists.
download() {
    (cd "$apt" && apt-get "${private[@]}" --download-only source "nginx=$1") \
        >"$OUT/download.log" 2>&1
}

copy_sources() {
    mkdir -p "$sources"
    cp -a "$NGINX_SRC"/{auto,conf,configure,src} "$sources/"
}

# All that makes a new configure necessary, in one text.
configuration() {
    printf '%s\n' "$root" "$CC" "$@"
    cat config config.make "$0"
    ls module/*.[ch]pp ngx_ws_filter/*.[ch]pp
}

configure_nginx() {
    if configuration "$@" | cmp -s - "$built/configuration"; then
        return
    fi

    rm -rf "$built"
    mkdir -p "$built"
    (
        cd "$sources"
        ./configure "$@" --with-cc="$CC" --add-module="$root" --builddir="$built" \
            --with-cc-opt="$flags -fno-sanitize=$allowed -DNGX_DEBUG_PALLOC=1" \
            --with-ld-opt="$flags" >"$built/configure.log" 2>&1
    ) || die "configure failed: $(tail -n 3 "$built/configure.log")"
    echo "$built/addon/%.o: CFLAGS += -fsanitize=$allowed" >>"$built/Makefile"
    configuration "$@" >"$built/configuration"
}

mkdir -p "$OUT"
if [ -n "${NGINX_SRC:-}" ]; then
    copy_sources
else
    fetch_sources
fi
configure_nginx "$@"
make -s -j"$(nproc)" -f "$built/Makefile" -C "$sources" "$built/nginx" >&2

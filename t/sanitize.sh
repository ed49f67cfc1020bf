#!/usr/bin/env bash
# Builds nginx and the module as one program under ASan and UBSan, with each piece of a pool an
# allocation of its own (NGX_DEBUG_PALLOC), because pools hide overruns. Run by `./build.sh
# sanitize` from the top folder, with CC, NGINX (whose sources are taken), OUT (a folder, for all
# that is written), OPTIONS (of nginx's compiler, those that its headers need), NGINX_SRC if the
# sources are there, and nginx's configure arguments.
set -euo pipefail

root=$PWD
sources=$OUT/src
built=$OUT/nginx

# A finding ends the process, so that no test can overlook it.
flags="-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"

# What nginx's own code does on purpose on x86: it reads words wherever they are, and hands null
# pointers with a length of zero to memcpy(). Ours may do neither.
allowed=alignment,nonnull-attribute

. tools/nginx_tree.sh

die() {
    echo "sanitize: $*" >&2
    exit 1
}

# All that makes a new configure necessary, in one text.
configuration() {
    printf '%s\n' "$root" "$CC" "$OPTIONS" "$@"
    cat config config.make "$0"
    [ ! -e "$OUT/version" ] || cat "$OUT/version"
    find module ngx_ws_filter -name '*.[ch]pp' | sort
}

configure_all() {
    if configuration "$@" | cmp -s - "$built/configuration"; then
        return
    fi

    rm -rf "$built"
    mkdir -p "$built"
    (
        cd "$sources"
        configure_nginx "$@" --with-cc="$CC" --add-module="$root" --builddir="$built" \
            --with-cc-opt="$OPTIONS $flags -fno-sanitize=$allowed -DNGX_DEBUG_PALLOC=1" \
            --with-ld-opt="$flags" >"$built/configure.log" 2>&1
    ) || die "configure failed: $(tail -n 3 "$built/configure.log")"
    echo "$built/addon/%.o: CFLAGS += -fsanitize=$allowed" >>"$built/Makefile"
    configuration "$@" >"$built/configuration"
}

mkdir -p "$OUT"
if [ -n "${NGINX_SRC:-}" ]; then
    copy_nginx_tree "$NGINX_SRC" "$sources"
else
    t/fetch_nginx.sh "$OUT"
fi
configure_all "$@"
make -s -j"$(nproc)" -f "$built/Makefile" -C "$sources" "$built/nginx" >&2

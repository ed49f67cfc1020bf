# shellcheck shell=bash
# The module itself. Read by build.sh.

# All that makes a new configure necessary, in one text.
configuration() {
    local folder

    echo "$CC" "${NGINX_SRC:-}" "$root" "$build"
    "$nginx" -V 2>&1
    ! folder=$(configured_folder) || cat "$folder"/ngx_auto_{config,headers}.h
    cat config config.make tools/nginx.sh tools/module.sh
    find module ngx_ws_filter -name '*.[ch]pp' | sort
}

configure_module() {
    local out=$build/nginx source=$1 arguments options

    if configuration | cmp -s - "$out/configuration"; then
        return
    fi

    rm -rf "$out"
    mkdir -p "$out"
    nginx_arguments >"$out/arguments"
    mapfile -d '' arguments <"$out/arguments"
    options=$(header_options)
    (
        cd "$source"
        configure_nginx "${arguments[@]}" --with-cc="$CC" \
            --with-cc-opt="$options -g -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2" \
            --with-ld-opt="-Wl,-z,relro -Wl,-z,now" \
            --add-dynamic-module="$root" --builddir="$out" >"$out/configure.log" 2>&1
    ) || die "configure failed: $(tail -n 3 "$out/configure.log")"
    take_macros_of_nginx "$out"
    libraries_as_they_are "${arguments[@]}" >"$out/make-options"
    configuration >"$out/configuration"
}

# Prints what the module would need of the C++ run-time library: it is linked by cc, without it, and
# a missing symbol would show only when nginx starts.
cxx_runtime_symbols() {
    readelf -d "$1" | grep -E 'NEEDED.*(stdc\+\+|libc\+\+|libgcc)' || true
    nm -D --undefined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' |
        grep -E '^(_Z|__cxa_|__gxx_|_Unwind_|__dynamic_cast)' |
        grep -vxE '__cxa_(finalize|atexit)' | c++filt || true
}

# make with these arguments, which says how far it is: the first build takes half a minute or more.
make_module() {
    local make=(make -j"$jobs" "$@") total

    total=$("${make[@]}" --dry-run | grep -c -- ' -c ' || true)
    [ "$total" -gt 3 ] || total=0
    if [ "$total" != 0 ] && [ ! -t 2 ]; then
        say "building the module: $total files"
        total=0
    fi
    "${make[@]}" | awk -v total="$total" '
        total && / -c / { printf "\rbuilding the module: %d of %d files", ++n, total >"/dev/stderr" }
        END { if (total) print "" >"/dev/stderr" }'
}

# The options under which a program of ours may include nginx's headers.
nginx_header_flags() {
    local source=$1

    header_options
    sed -n '/^ALL_INCS/,/^$/p' "$build/nginx/Makefile" | tr '\\\n' '  ' | cut -d= -f2 |
        sed "s|-I \([^/]\)|-I $source/\1|g"
}

build_module() {
    local source symbols options built=$build/nginx/ngx_http_ws_module.so

    case $root$build in *[[:space:]]*) die "nginx cannot be built in a path with blanks" ;; esac
    [ -x "$nginx" ] || die "no nginx at $nginx"

    source=$(nginx_source)
    configure_module "$source"
    mapfile -d '' options <"$build/nginx/make-options"
    make_module "${options[@]}" -f "$build/nginx/Makefile" -C "$source" "$built"

    symbols=$(cxx_runtime_symbols "$built")
    [ -z "$symbols" ] || die "the module needs the C++ run-time library:"$'\n'"$symbols"

    # By a rename, since a running nginx may have the old one mapped.
    if ! cmp -s "$built" "$module"; then
        cp "$built" "$module.new"
        mv "$module.new" "$module"
    fi
}

cmd_build() {
    need build
    locked build_module
    echo "$module"
}

# shellcheck shell=bash
# A tree of nginx's sources, a copy of it, and its configure. Read by tools/nginx.sh and
# t/sanitize.sh.

# What configure and the compiler need of it: copy_nginx_tree FROM TO.
copy_nginx_tree() {
    local part

    if [ ! -d "$1/auto" ] || [ ! -d "$1/src" ]; then
        echo "$1 has no sources of nginx, which are auto/ and src/" >&2
        return 1
    fi
    mkdir -p "$2"
    for part in auto conf configure man src; do
        [ ! -e "$1/$part" ] || cp -a "$1/$part" "$2/"
    done
}

# A release has it at the top, a checkout of the repository in auto/. Run in the tree.
configure_nginx() {
    if [ -x configure ]; then
        ./configure "$@"
    else
        auto/configure "$@"
    fi
}

# shellcheck shell=bash
# The nginx that the module is for: how it was configured, and its headers. Read by build.sh.

# The configure arguments of the nginx the module is for. Left out: other modules, which need
# libraries of their own, and compiler options, which are chosen here.
nginx_arguments() {
    local arguments argument

    arguments=$("$nginx" -V 2>&1 | sed -n 's/^configure arguments: //p')
    eval "arguments=($arguments)"

    for argument in "${arguments[@]}"; do
        case $argument in
            *=dynamic | --add-*module=* | --with-*-opt=* | --builddir=* | --with-cc=*) ;;
            --with-mail* | --with-stream*) ;;
            *) printf '%s\0' "$argument" ;;
        esac
    done
}

# The nginx tree whose headers are used. Debian's is read in place, as any user. Another one is
# copied, because its configure writes into it.
nginx_source() {
    if [ -z "${NGINX_SRC:-}" ]; then
        echo /usr/share/nginx/src
        return
    fi

    mkdir -p "$build/nginx-src"
    cp -a "$NGINX_SRC"/{auto,conf,configure,src} "$build/nginx-src/"
    [ ! -d "$NGINX_SRC/man" ] || cp -a "$NGINX_SRC/man" "$build/nginx-src/"
    echo "$build/nginx-src"
}

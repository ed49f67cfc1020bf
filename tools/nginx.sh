# shellcheck shell=bash
# The nginx that the module is for: how it was configured, and the tree that has its headers. Read
# by build.sh.

. tools/nginx_tree.sh

# The words that nginx was configured with.
configured_with() {
    local text words

    text=$("$nginx" -V 2>&1 | sed -n 's/^configure arguments: //p')
    eval "words=($text)"
    [ ${#words[@]} = 0 ] || printf '%s\0' "${words[@]}"
}

# Where a path among these words leads: nginx's configure ran in nginx's tree.
in_nginx_tree() {
    case $1 in
        /*) echo "$1" ;;
        *) realpath -m "${NGINX_SRC:-/usr/share/nginx/src}/$1" ;;
    esac
}

# The arguments to configure our build with. Left out are loadable modules, which need libraries of
# their own and change no structure, and what is chosen here: the compiler, its options, the folder.
nginx_arguments() {
    local argument

    while IFS= read -r -d '' argument; do
        case $argument in
            --with-stream=dynamic | --with-mail=dynamic) printf '%s\0' "$argument" ;;
            *=dynamic | --add-dynamic-module=* | --with-*-opt=* | --builddir=* | --with-cc=*) ;;
            --add-module=*) static_module "$(in_nginx_tree "${argument#*=}")" ;;
            --with-zlib=* | --with-pcre=* | --with-openssl=* | --with-libatomic=*)
                library_tree "${argument%%=*}" "$(in_nginx_tree "${argument#*=}")"
                ;;
            *) printf '%s\0' "$argument" ;;
        esac
    done < <(configured_with)
}

# A module inside nginx may have changed nginx's structures. If its sources are gone, the macros
# that nginx was compiled with tell how.
static_module() {
    if [ -f "$1/config" ]; then
        printf '%s\0' "--add-module=$1"
    elif ! configured_folder >/dev/null; then
        die "nginx was configured with --add-module=$1, which is not there and may have changed" \
            "nginx's structures: put the module there, or set NGINX_SRC to the tree in which this" \
            "nginx was configured, with its objs/ngx_auto_config.h"
    fi
}

library_tree() {
    [ -d "$2" ] || die "nginx was configured with $1=$2, which is not there"
    printf '%s\0' "$1=$2"
}

# nginx's compiler options that change what its headers say: macros, folders, and how structures are
# laid out. In one line, as nginx's Makefile will have them.
header_options() {
    local words=() options=() word

    while IFS= read -r -d '' word; do
        case $word in --with-cc-opt=*) read -ra words <<<"${word#*=}" ;; esac
    done < <(configured_with)
    set -- "${words[@]}"

    while [ $# -gt 0 ]; do
        case $1 in
            # About the code that is made, and about the C++ library, which the module has not.
            -[DU]_FORTIFY_SOURCE* | -D_GLIBCXX_*) ;;
            -[DU] | -include | -imacros) options+=("$1" "${2:-}") && shift ;;
            -I | -isystem | -iquote | -idirafter)
                options+=("$1" "$(in_nginx_tree "${2:-}")")
                shift
                ;;
            -I*) options+=("-I$(in_nginx_tree "${1#-I}")") ;;
            -[DU]* | -m32 | -mx32 | -m64 | -mabi=* | -mms-bitfields | -malign-*) options+=("$1") ;;
            -fpack-struct* | -fshort-* | -f*signed-char | -f*signed-bitfields) options+=("$1") ;;
        esac
        shift
    done
    echo "${options[*]}"
}

# The folder that nginx's own configure has written, if it is there and is of this nginx.
configured_folder() {
    local argument folder=objs theirs

    [ -n "${NGINX_SRC:-}" ] || return 1
    while IFS= read -r -d '' argument; do
        case $argument in --builddir=*) folder=${argument#*=} ;; esac
    done < <(configured_with)
    folder=$(in_nginx_tree "$folder")
    [ -f "$folder/ngx_auto_config.h" ] && [ -f "$folder/ngx_auto_headers.h" ] || return 1

    # Quotes are escaped there, or not, as the version likes.
    theirs=$(sed -n 's/^#define NGX_CONFIGURE " *\(.*\)"$/\1/p' "$folder/ngx_auto_config.h")
    [ "${theirs//\\/}" = "$("$nginx" -V 2>&1 | sed -n 's/^configure arguments: *//p' |
        tr -d '\\')" ] || return 1
    echo "$folder"
}

# The macros that nginx itself was compiled with, if they are to be had, in place of ours: $1 is the
# folder that our configure has written.
take_macros_of_nginx() {
    local folder

    folder=$(configured_folder) || return 0
    cp "$folder"/ngx_auto_{config,headers}.h "$1/"
}

# What nginx was built with is not for us to build again, in trees that are not ours. As options of
# make, for the arguments of configure.
libraries_as_they_are() {
    local argument folder files file

    for argument; do
        folder=${argument#*=}
        case $argument in
            --with-openssl=*)
                files=(.openssl/include/openssl/ssl.h .openssl/lib/lib{ssl,crypto}.a)
                ;;
            --with-pcre=*) files=(src/pcre2.h .libs/libpcre2-8.a) ;;
            --with-zlib=*) files=(libz.a) ;;
            --with-libatomic=*) files=(src/libatomic_ops.a) ;;
            *) continue ;;
        esac
        if [ "${files[0]}" = src/pcre2.h ] && [ ! -e "$folder/src/pcre2.h.generic" ]; then
            files=(pcre.h .libs/libpcre.a)
        fi
        for file in "${files[@]}"; do
            [ -e "$folder/$file" ] || die "there is no $folder/$file: build nginx itself first"
            printf '%s\0' --assume-old="$folder/$file"
        done
    done
}

# The nginx tree whose headers are used. Debian's is read in place, as any user. Another one is
# copied, because its configure writes into it.
nginx_source() {
    if [ -z "${NGINX_SRC:-}" ]; then
        echo /usr/share/nginx/src
        return
    fi
    copy_nginx_tree "$NGINX_SRC" "$build/nginx-src"
    echo "$build/nginx-src"
}

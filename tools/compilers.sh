# shellcheck shell=bash
# The C and C++ compilers, and what they are given. Read by build.sh.

# gcc and g++, or the pair that belongs to the one that was named.
choose_compilers() {
    if [ -z "${CC:-}" ]; then
        case ${CXX:-} in
            *clang++*) CC=${CXX/clang++/clang} ;;
            *g++*) CC=${CXX/g++/gcc} ;;
            *) CC=gcc ;;
        esac
    fi
    if [ -z "${CXX:-}" ]; then
        case $CC in
            *clang*) CXX=${CC/clang/clang++} ;;
            *gcc*) CXX=${CC/gcc/g++} ;;
            *) CXX=g++ ;;
        esac
    fi
    case $CC in
        *clang*) compiler=clang ;;
        *) compiler=gcc ;;
    esac
}

# The module's C++ flags for a compiler, gcc or clang, as config.make has them.
module_flags() {
    # shellcheck disable=SC2034,SC2154  # names of config.make
    (
        NGX_CC_NAME=$1 ngx_http_ws_srcs=
        # shellcheck source=/dev/null
        . ./config.make
        echo "$ngx_http_ws_cxxflags"
    )
}

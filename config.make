# nginx's configure reads this once the Makefile is written. nginx compiles an addon's .cpp with
# the flags of its C files; the flags of C++ are added to our objects alone.

ngx_http_ws_cxxflags="-std=c++20 -O2 -fno-exceptions -fno-rtti -fno-threadsafe-statics \
-fvisibility=hidden -Wno-missing-field-initializers -Wshadow -Wconversion -Wsign-conversion \
-Wpedantic -Wmissing-declarations"

if [ "$NGX_CC_NAME" = gcc ]; then
    ngx_http_ws_cxxflags="$ngx_http_ws_cxxflags -Wuseless-cast"
fi

for ngx_http_ws_src in $ngx_http_ws_srcs
do
    ngx_http_ws_obj=`dirname $ngx_http_ws_src`
    ngx_http_ws_obj=`basename $ngx_http_ws_obj`/`basename $ngx_http_ws_src .cpp`

    echo "$NGX_OBJS/addon/$ngx_http_ws_obj.o: CFLAGS += $ngx_http_ws_cxxflags" >> $NGX_MAKEFILE

    # The files that become a part of the module lie beside the source that embeds them.
    if [ "$ngx_http_ws_obj" = ws_status/page ]; then
        echo "$NGX_OBJS/addon/$ngx_http_ws_obj.o: CFLAGS += -Wa,-I,`dirname $ngx_http_ws_src`/page" \
            >> $NGX_MAKEFILE
    fi
done

// The value of a directive that bounds what is under way: "auto [max=size]", or a size.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

// Plain, because nginx's setters write into it by offset.
struct WindowConf {
    size_t size;  // bytes, a fixed bound; 0: as the kernel likes
    size_t most;  // not 0: it follows the path up to so many, and there is no size

    void unset() noexcept { *this = {NGX_CONF_UNSET_SIZE, 0}; }
    void merge(const WindowConf &prev, const WindowConf &by_default) noexcept;
    [[nodiscard]] bool follows() const noexcept { return most != 0; }
};

extern "C" char *ngx_http_ws_set_window(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws

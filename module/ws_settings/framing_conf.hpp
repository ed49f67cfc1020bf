// ws_framing.
#pragma once

#include "module/ws_settings/lines.hpp"

#include "ngx_ws_filter/ws_framing/framing.hpp"

namespace ngx_ws {

struct FramingConf {
    ws::FramingSettings settings;
    ngx_flag_t is_set;

    void merge(const FramingConf &prev) noexcept;

    // The limit for the client's messages, in bytes; 0: none. `configured` may be
    // NGX_CONF_UNSET_SIZE.
    [[nodiscard]] size_t max_message_size(size_t configured) const noexcept;

    // False, with a line in the log, if a client could fill all memory.
    [[nodiscard]] bool check(ngx_conf_t *cf, const Lines &lines,
                             size_t max_message_size) const noexcept;
};

extern "C" char *ngx_http_ws_set_framing(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

}  // namespace ngx_ws

// ws_deflate and its kin.
#pragma once

#include "module/ws_settings/choice.hpp"
#include "module/ws_settings/lines.hpp"

#include "ngx_ws_filter/ws_compression/deflate.hpp"
#include "ngx_ws_filter/ws_compression/deflate_offer.hpp"

namespace ngx_ws {

// Plain, because nginx's setters write into it by offset.
struct DeflateConf {
    Choice on;
    ngx_int_t level;
    ngx_int_t window_bits;
    ngx_int_t memory_level;
    ngx_flag_t context_takeover;
    size_t min_length;

    // False, with a line in the log, if the zlib at hand does not work in the memory it should.
    [[nodiscard]] bool check(ngx_conf_t *cf, const Lines &lines) const noexcept;

    [[nodiscard]] ws::DeflatePolicy policy() const noexcept {
        return {.window_bits = static_cast<unsigned>(window_bits),
                .context_takeover = context_takeover != 0};
    }

    // For a client that takes a window of 2^bits.
    [[nodiscard]] ws::DeflateSettings settings(unsigned bits) const noexcept {
        return {.level = static_cast<unsigned>(level),
                .bits = bits,
                .memory_level = static_cast<unsigned>(memory_level)};
    }
};

}  // namespace ngx_ws

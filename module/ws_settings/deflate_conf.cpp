#include "module/ws_settings/deflate_conf.hpp"

namespace ngx_ws {

namespace {

// The sizes that the library names are those of zlib itself; a replacement may need more.
bool zlib_fits(ngx_conf_t *cf, const Lines &lines, const DeflateConf &conf) noexcept {
    const ws::DeflateSettings settings = conf.settings(static_cast<unsigned>(conf.window_bits));
    const size_t deflater_size = ws::Deflater::memory_size(settings.bits, settings.memory_level);
    const size_t inflater_size = ws::Inflater::memory_size(15);
    const size_t size = ngx_max(deflater_size, inflater_size);
    auto *memory = static_cast<uint8_t *>(ngx_palloc(cf->temp_pool, size));
    if (memory == nullptr) {
        return false;
    }
    ws::Deflater deflater;
    ws::Inflater inflater;
    const bool fits = deflater.begin({memory, deflater_size}, settings) &&
                      inflater.begin({memory, inflater_size}, 15);
    if (!fits) {
        log_at(cf, *lines.find("ws_deflate"), NGX_LOG_EMERG,
               "\"ws_deflate\" cannot work with zlib %s, which needs more memory than it should",
               zlibVersion());
    }
    return fits;
}

}  // namespace

bool DeflateConf::check(ngx_conf_t *cf, const Lines &lines) const noexcept {
    return on.always(0) || zlib_fits(cf, lines, *this);
}

}  // namespace ngx_ws

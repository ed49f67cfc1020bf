#include "module/ws_settings/lines.hpp"

namespace ngx_ws {

namespace {

const Line *find_in(ngx_array_t *lines, std::string_view directive, size_t nth) noexcept {
    if (lines == nullptr) {
        return nullptr;
    }
    for (const Line &line : ngx::elements<Line>(lines)) {
        if (line.directive == directive && nth-- == 0) {
            return &line;
        }
    }
    return nullptr;
}

}  // namespace

bool Lines::note(ngx_conf_t *cf, std::string_view directive) noexcept {
    if (own == nullptr) {
        own = ngx_array_create(cf->pool, 4, sizeof(Line));
    }
    auto *line = own == nullptr ? nullptr : static_cast<Line *>(ngx_array_push(own));
    if (line != nullptr) {
        *line = line_here(cf, directive);
    }
    return line != nullptr;
}

const Line *Lines::find(std::string_view directive, size_t nth) const noexcept {
    for (const Lines *lines = this; lines != nullptr; lines = lines->above) {
        if (const Line *line = find_in(lines->own, directive, nth); line != nullptr) {
            return line;
        }
    }
    return nullptr;
}

}  // namespace ngx_ws

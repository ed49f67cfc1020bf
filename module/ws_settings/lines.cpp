#include "module/ws_settings/lines.hpp"

namespace ngx_ws {

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

const Line *Lines::find_here(std::string_view directive, size_t nth) const noexcept {
    if (own == nullptr) {
        return nullptr;
    }
    for (const Line &line : ngx::elements<Line>(own)) {
        if (line.directive == directive && nth-- == 0) {
            return &line;
        }
    }
    return nullptr;
}

const Line *Lines::find(std::string_view directive, size_t nth) const noexcept {
    for (const Lines *lines = this; lines != nullptr; lines = lines->above) {
        if (const Line *line = lines->find_here(directive, nth); line != nullptr) {
            return line;
        }
    }
    return nullptr;
}

}  // namespace ngx_ws

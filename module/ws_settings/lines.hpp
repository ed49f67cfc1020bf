// On which lines of nginx.conf a location's directives stand, for errors that are found only when
// the whole configuration has been read.
#pragma once

#include "module/ngx.hpp"

namespace ngx_ws {

struct Line {
    std::string_view directive;
    ngx_str_t file;
    ngx_uint_t number;
};

// The line that nginx is reading.
[[nodiscard]] inline Line line_here(ngx_conf_t *cf, std::string_view directive) noexcept {
    return {directive, cf->conf_file->file.name, cf->conf_file->line};
}

// Plain, because it is a part of LocConf.
struct Lines {
    ngx_array_t *own;    // of Line, in the order in which they stand; or null
    const Lines *above;  // those of the block around this one, or null

    // False without memory.
    [[nodiscard]] bool note(ngx_conf_t *cf, std::string_view directive) noexcept;

    // Where it stands in this very block, or null.
    [[nodiscard]] const Line *find_here(std::string_view directive, size_t nth = 0) const noexcept;

    // Where the directive stands whose value holds here, or null if it stands nowhere. `nth` is for
    // a directive that may be written more than once in a block.
    [[nodiscard]] const Line *find(std::string_view directive, size_t nth = 0) const noexcept;
};

// Logs as ngx_conf_log_error() does, but with this line.
template <typename... Values>
void log_at(ngx_conf_t *cf, const Line &line, ngx_uint_t level, const char *format,
            Values... values) noexcept {
    u_char text[NGX_MAX_CONF_ERRSTR];
    const u_char *end = ngx_slprintf(text, std::end(text), format, values...);
    const ngx_str_t said = {static_cast<size_t>(end - text), text};
    ngx_log_error(level, cf->log, 0, "%V in %V:%ui", &said, &line.file, line.number);
}

}  // namespace ngx_ws

#include "module/ws_status/page.hpp"

// config.make tells the assembler where they are.
asm(R"(
    .macro embed name, file
    .global \name
    .hidden \name
    .global \name\()_end
    .hidden \name\()_end
\name:
    .incbin "\file"
\name\()_end:
    .endm

    .section .rodata
    embed ngx_http_ws_page_html, page.html
    embed ngx_http_ws_page_css, page.css
    embed ngx_http_ws_page_js, page.js
    embed ngx_http_ws_uplot_css, uPlot.css
    embed ngx_http_ws_uplot_js, uPlot.js
    .previous
)");

extern "C" {
extern const char ngx_http_ws_page_html[];
extern const char ngx_http_ws_page_html_end[];
extern const char ngx_http_ws_page_css[];
extern const char ngx_http_ws_page_css_end[];
extern const char ngx_http_ws_page_js[];
extern const char ngx_http_ws_page_js_end[];
extern const char ngx_http_ws_uplot_css[];
extern const char ngx_http_ws_uplot_css_end[];
extern const char ngx_http_ws_uplot_js[];
extern const char ngx_http_ws_uplot_js_end[];
}

namespace ngx_ws {

namespace {

constexpr std::string_view html = "text/html; charset=utf-8";
constexpr std::string_view css = "text/css; charset=utf-8";
constexpr std::string_view javascript = "text/javascript; charset=utf-8";

struct Embedded {
    std::string_view name;
    std::string_view type;
    const char *begin;
    const char *end;
};

const Embedded files[] = {
    {"page.html", html, ngx_http_ws_page_html, ngx_http_ws_page_html_end},
    {"page.css", css, ngx_http_ws_page_css, ngx_http_ws_page_css_end},
    {"page.js", javascript, ngx_http_ws_page_js, ngx_http_ws_page_js_end},
    {"uPlot.css", css, ngx_http_ws_uplot_css, ngx_http_ws_uplot_css_end},
    {"uPlot.js", javascript, ngx_http_ws_uplot_js, ngx_http_ws_uplot_js_end},
};

}  // namespace

std::optional<PageFile> find_page_file(std::string_view name) noexcept {
    for (const Embedded &file : files) {
        if (file.name == name) {
            return PageFile{file.type, {file.begin, static_cast<size_t>(file.end - file.begin)}};
        }
    }
    return std::nullopt;
}

}  // namespace ngx_ws

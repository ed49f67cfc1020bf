// ws_status: what is counted, and which sessions are open, for whoever asks.
#include "module/ngx_http_ws_version.hpp"
#include "module/ws_requests/response.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_status/counting.hpp"
#include "module/ws_status/page.hpp"
#include "module/ws_status/session_report.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"
#include "ngx_ws_filter/ws_status/query.hpp"
#include "ngx_ws_filter/ws_status/report.hpp"
#include "ngx_ws_filter/ws_status/session_list.hpp"

namespace ngx_ws {

namespace {

using Format = ws::StatusQuery::Format;

std::string_view content_type(Format format) noexcept {
    switch (format) {
        case Format::open_metrics:
            return "application/openmetrics-text; version=1.0.0; charset=utf-8";
        case Format::json:
            return "application/json";
        case Format::text:
        case Format::page:  // it has its own
            break;
    }
    return "text/plain; version=0.0.4; charset=utf-8";
}

std::string_view accept_of(ngx_http_request_t *r) noexcept {
    std::string_view accept;
    (void)ngx::each_request_field(r, [&](std::string_view name, std::string_view value) {
        if (ws::equals_ignoring_case(name, "Accept")) {
            accept = value;
        }
        return true;
    });
    return accept;
}

template <typename T>
std::span<T> make_array(ngx_pool_t *pool, size_t count) noexcept {
    auto *memory = static_cast<T *>(ngx_palloc(pool, ngx_max(count, 1) * sizeof(T)));
    if (memory == nullptr) {
        return {};
    }
    for (size_t i = 0; i < count; ++i) {
        new (memory + i) T{};
    }
    return {memory, count};
}

// The text of one answer, in the request's memory; its data is null if there is none.
class Answer {
public:
    explicit Answer(ngx_http_request_t *r, const MainConf &conf) noexcept
        : pool_(r->pool),
          shared_(reinterpret_cast<ngx_slab_pool_t *>(conf.zone->shm.addr)),
          board_(shared_.board()) {}

    [[nodiscard]] ngx_str_t counted(Format format) noexcept {
        const std::span<ws::Sums> sums = make_array<ws::Sums>(pool_, board_.zone_count());
        const std::span<ws::StatusZone> zones = make_array<ws::StatusZone>(pool_, sums.size());
        if (sums.data() == nullptr || zones.data() == nullptr) {
            return ngx_null_string;
        }
        ws::Sums workers;
        board_.sum(sums, workers, shared_);
        for (const ws::ZoneName &name : board_.zones()) {
            if (name.number < zones.size()) {
                zones[name.number] = {.name = name.text(), .sums = &sums[name.number]};
            }
        }
        const ws::Report report = {.version = version, .zones = zones, .workers = &workers};
        ws::Text measured;
        write(report, format, measured);
        const std::span<char> room = make_room(measured.size());
        ws::Text text(room);
        write(report, format, text);
        return made(room, text);
    }

    [[nodiscard]] ngx_str_t listed(const ws::StatusQuery &query) noexcept {
        using Candidate = ws::SessionList::Candidate;
        const auto candidates =
            make_array<Candidate>(pool_, ws::SessionList::count(board_, shared_));
        if (candidates.data() == nullptr) {
            return ngx_null_string;
        }
        const ws::SessionList list(board_, shared_, query, candidates);
        const std::span<char> room = make_room(list.most_json());
        ws::Text text(room);
        const ngx_time_t *time = ngx_timeofday();
        const uint64_t now = static_cast<uint64_t>(time->sec) * 1000 + time->msec;
        board_.note_look(ngx_current_msec);
        list.write_json(now, text);
        return made(room, text);
    }

private:
    static void write(const ws::Report &report, Format format, ws::Text &to) noexcept {
        if (format == Format::json) {
            ws::write_json(report, to);
            return;
        }
        const bool open_metrics = format == Format::open_metrics;
        ws::write(report, open_metrics ? ws::Exposition::open_metrics : ws::Exposition::text, to);
    }

    [[nodiscard]] std::span<char> make_room(size_t size) noexcept {
        auto *memory = static_cast<char *>(ngx_palloc(pool_, size));
        return memory == nullptr ? std::span<char>{} : std::span{memory, size};
    }
    [[nodiscard]] static ngx_str_t made(std::span<char> room, const ws::Text &text) noexcept {
        return {ngx_min(text.size(), room.size()), reinterpret_cast<u_char *>(room.data())};
    }

    ngx_pool_t *pool_;
    SharedBoard shared_;
    ws::Board &board_;
};

ngx_int_t send(ngx_http_request_t *r, std::string_view type, ngx_str_t text) noexcept {
    return send_text(r, NGX_HTTP_OK, type, text);
}

// The page needs nobody but this location, so nobody else is let in.
constexpr std::string_view policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'";

ngx_int_t send_page(ngx_http_request_t *r, std::string_view name) noexcept {
    const std::optional<PageFile> file = find_page_file(name);
    if (!file) {
        return NGX_HTTP_NOT_FOUND;
    }
    if (!add_field(r, "Cache-Control", "no-cache") ||
        !add_field(r, "X-Content-Type-Options", "nosniff") ||
        !add_field(r, "Content-Security-Policy", policy)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return send(r, file->type, ngx::str(file->content));
}

}  // namespace

extern "C" {

ngx_int_t ngx_http_ws_status_handler(ngx_http_request_t *r) {
    if ((r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) == 0) {
        return NGX_HTTP_NOT_ALLOWED;
    }
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }
    const ws::StatusQuery query = ws::StatusQuery::read(ngx::view(r->args), accept_of(r));
    if (!query.valid) {
        return NGX_HTTP_BAD_REQUEST;
    }
    const auto &conf =
        *static_cast<MainConf *>(ngx_http_get_module_main_conf(r, ngx_http_ws_module));
    Answer answer(r, conf);
    if (!query.file.empty() || (query.format == Format::page && !query.sessions)) {
        return send_page(r, query.file.empty() ? "page.html" : query.file);
    }
    report_all();
    if (query.sessions) {
        return send(r, content_type(Format::json), answer.listed(query));
    }
    return send(r, content_type(query.format), answer.counted(query.format));
}

}  // extern "C"

}  // namespace ngx_ws

// ws_control: a request orders sessions to end, in all workers.
#include "module/ws_steering/control.hpp"

#include "module/ws_requests/response.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_steering/post.hpp"

#include "ngx_ws_filter/ws_handshake/field.hpp"
#include "ngx_ws_filter/ws_status/text.hpp"
#include "ngx_ws_filter/ws_steering/end_request.hpp"

namespace ngx_ws {

namespace {

constexpr off_t most_form = 4096;
// For a worker that does not obey, and to notice that one has died meanwhile.
constexpr ngx_msec_t most_patience = 5000;
constexpr ngx_msec_t between_looks = 100;

struct Waiting {
    ngx_event_t timer;  // first, because nginx gives it back
    ngx_queue_t queue;
    ngx_http_request_t *r;
    ws::EndOrder *order;
    ngx_msec_t until;
};

ngx_queue_t all_waiting;  // of Waiting

// --- answers

template <typename Write>
ngx_int_t answer(ngx_http_request_t *r, ngx_uint_t status, Write write) noexcept {
    constexpr size_t most = 256;
    auto *memory = static_cast<char *>(ngx_palloc(r->pool, most));
    if (memory == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ws::Text text({memory, most});
    write(text);
    if (!add_field(r, "Cache-Control", "no-store")) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    return send_text(r, status, "application/json",
                     {ngx_min(text.size(), most), reinterpret_cast<u_char *>(memory)});
}

ngx_int_t refuse(ngx_http_request_t *r, ngx_uint_t status, std::string_view why) noexcept {
    return answer(r, status,
                  [&](ws::Text &text) { text.put("{\"error\":").put_quoted(why).put("}\n"); });
}

ngx_int_t tell(ngx_http_request_t *r, uint64_t ended, uint64_t missing) noexcept {
    const ngx_uint_t status = missing == 0 ? NGX_HTTP_OK : NGX_HTTP_GATEWAY_TIME_OUT;
    return answer(r, status, [&](ws::Text &text) {
        text.put("{\"ended\":").put(ended);
        if (missing != 0) {
            text.put(",\"silent_workers\":").put(missing);
        }
        text.put("}\n");
    });
}

// --- waiting

void stop_waiting(Waiting &waiting) noexcept {
    if (waiting.order == nullptr) {
        return;
    }
    if (Post *post = find_post(); post != nullptr) {
        post->orders().forget(*waiting.order, post->shared);
    }
    waiting.order = nullptr;
    ngx_queue_remove(&waiting.queue);
    if (waiting.timer.timer_set) {
        ngx_del_timer(&waiting.timer);
    }
}

void on_request_end(void *data) {
    stop_waiting(*static_cast<Waiting *>(data));
}

// True if the request has been answered, and is gone.
bool look_at(Waiting &waiting) noexcept {
    Post *post = find_post();
    const size_t missing =
        post == nullptr ? 0 : post->orders().missing(*waiting.order, post->shared);
    if (missing != 0 && static_cast<ngx_msec_int_t>(waiting.until - ngx_current_msec) > 0) {
        return false;
    }
    const uint64_t ended = waiting.order->ended.load(std::memory_order_relaxed);
    ngx_http_request_t *r = waiting.r;
    ngx_connection_t *c = r->connection;
    ngx_http_set_log_request(c->log, r);
    stop_waiting(waiting);
    ngx_http_finalize_request(r, tell(r, ended, missing));
    ngx_http_run_posted_requests(c);
    return true;
}

void on_timer(ngx_event_t *ev) {
    if (!look_at(*reinterpret_cast<Waiting *>(ev))) {
        ngx_add_timer(ev, between_looks);
    }
}

// The order is carried out whatever becomes of the request.
bool wait_for(ngx_http_request_t *r, ws::EndOrder &order) noexcept {
    auto *waiting = static_cast<Waiting *>(ngx_pcalloc(r->pool, sizeof(Waiting)));
    ngx_http_cleanup_t *cleanup = ngx_http_cleanup_add(r, 0);
    if (waiting == nullptr || cleanup == nullptr) {
        return false;
    }
    *waiting = {.timer = {},
                .queue = {},
                .r = r,
                .order = &order,
                .until = ngx_current_msec + most_patience};
    waiting->timer.handler = on_timer;
    waiting->timer.data = r->connection;  // for nginx's line at debug
    waiting->timer.log = r->connection->log;
    cleanup->handler = on_request_end;
    cleanup->data = waiting;
    ngx_queue_insert_tail(&ngx::ready(all_waiting), &waiting->queue);
    ngx_add_timer(&waiting->timer, between_looks);
    r->read_event_handler = ngx_http_block_reading;
    return true;
}

// --- the request

// A page in some visitor's browser may send forms anywhere, and is let in nowhere.
bool comes_from_page(ngx_http_request_t *r) noexcept {
    return !ngx::each_request_field(r, [](std::string_view name, std::string_view) {
        return !ws::equals_ignoring_case(name, "Origin");
    });
}

bool is_form(ngx_http_request_t *r) noexcept {
    const ngx_table_elt_t *type = r->headers_in.content_type;
    if (type == nullptr) {
        return true;
    }
    const std::string_view value = ngx::view(type->value);
    const std::string_view media{value.data(), ngx_min(value.find(';'), value.size())};
    return ws::equals_ignoring_case(ws::trim(media), "application/x-www-form-urlencoded");
}

// Its size, whether it has room or not.
size_t append(const ngx_buf_t &buffer, std::span<char> to) noexcept {
    if (!buffer.in_file && !ngx_buf_in_memory(&buffer)) {
        return 0;  // it only marks the end
    }
    const bool in_memory = ngx_buf_in_memory(&buffer);
    const auto size = static_cast<size_t>(in_memory ? buffer.last - buffer.pos
                                                    : buffer.file_last - buffer.file_pos);
    auto *room = reinterpret_cast<u_char *>(to.data());
    if (size > to.size()) {
        return size;
    }
    if (in_memory) {
        std::copy(buffer.pos, buffer.last, room);
        return size;
    }
    const ssize_t n = ngx_read_file(buffer.file, room, size, buffer.file_pos);
    return n < 0 ? 0 : static_cast<size_t>(n);
}

// In the request's memory; more than there is room for, if it is too long.
size_t gather(ngx_http_request_t *r, std::span<char> room) noexcept {
    size_t used = 0;
    const ngx_http_request_body_t *body = r->request_body;
    for (ngx_chain_t *at = body == nullptr ? nullptr : body->bufs;
         at != nullptr && used <= room.size(); at = at->next) {
        used += append(*at->buf, room.subspan(used));
    }
    return used;
}

// Null if there is none of this name.
const ws::ZoneName *find_zone(const Post &post, std::string_view name) noexcept {
    const std::string_view cut{name.data(), ngx_min(name.size(), ws::ZoneName::max_size)};
    for (const ws::ZoneName &zone : post.shared.board().zones()) {
        if (zone.text() == cut) {
            return &zone;
        }
    }
    return nullptr;
}

// What a content handler returns, or NGX_DONE if the answer comes later.
ngx_int_t give_order(ngx_http_request_t *r, const ws::EndRequest &request) noexcept {
    Post *post = find_post();
    if (post == nullptr) {
        return refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE, "there is no ws_zone any more");
    }
    ws::Selection selection = {.number = request.number};
    if (!request.zone.empty()) {
        selection.zone = find_zone(*post, request.zone);
        if (selection.zone == nullptr) {
            return tell(r, 0, 0);
        }
    }
    const std::optional<ws::SessionKey> key = ws::session_key(request.key);
    if (!key) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    selection.key = *key;
    ws::EndOrder *order =
        post->orders().give({.selection = selection, .code = request.code, .why = request.reason},
                            post->owner, post->shared);
    if (order == nullptr) {
        return refuse(r, NGX_HTTP_SERVICE_UNAVAILABLE, "ws_zone is full");
    }
    if (!wait_for(r, *order)) {
        post->orders().forget(*order, post->shared);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    wake_all();
    return NGX_DONE;
}

ngx_int_t obey_form(ngx_http_request_t *r) noexcept {
    auto *form = ngx::make<std::array<char, most_form>>(r->pool);
    if (form == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const size_t size = gather(r, *form);
    if (size > form->size()) {
        return refuse(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "the form has more than 4096 bytes");
    }
    const ws::EndRequest request = ws::EndRequest::read(std::span{*form}.first(size));
    return request.problem.empty() ? give_order(r, request)
                                   : refuse(r, NGX_HTTP_BAD_REQUEST, request.problem);
}

void on_body(ngx_http_request_t *r) {
    const ngx_int_t rc = obey_form(r);
    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}

ngx_int_t refuse_unread(ngx_http_request_t *r, ngx_uint_t status, std::string_view why) noexcept {
    const ngx_int_t rc = ngx_http_discard_request_body(r);
    return rc == NGX_OK ? refuse(r, status, why) : rc;
}

}  // namespace

void answer_waiting() noexcept {
    ngx_queue_t &all = ngx::ready(all_waiting);
    for (ngx_queue_t *q = ngx_queue_head(&all); q != &all;) {
        // The end of a request may be that of others on its connection.
        q = look_at(*ngx_queue_data(q, Waiting, queue)) ? ngx_queue_head(&all) : ngx_queue_next(q);
    }
}

extern "C" ngx_int_t ngx_http_ws_control_handler(ngx_http_request_t *r) {
    if (r->method != NGX_HTTP_POST) {
        return add_field(r, "Allow", "POST")
                   ? refuse_unread(r, NGX_HTTP_NOT_ALLOWED, "only POST is allowed")
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (comes_from_page(r)) {
        return refuse_unread(r, NGX_HTTP_FORBIDDEN, "requests of pages are refused");
    }
    if (!is_form(r)) {
        return refuse_unread(r, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE,
                             "the body is no application/x-www-form-urlencoded");
    }
    if (r->headers_in.content_length_n > most_form) {
        return refuse_unread(r, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                             "the form has more than 4096 bytes");
    }
    const ngx_int_t rc = ngx_http_read_client_request_body(r, on_body);
    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}

}  // namespace ngx_ws

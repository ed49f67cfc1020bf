#include "module/ws_steering/steered.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_settings/conf.hpp"
#include "module/ws_status/counting.hpp"
#include "module/ws_steering/control.hpp"

namespace ngx_ws {

namespace {

constexpr ws::CloseCode displaced_code{4029};
constexpr std::string_view displaced_words = "displaced by a newer session";

}  // namespace

// All sessions of this worker, also those whose backend is still being dialled.
class WorkerSessions {
public:
    void add(Steered &session) noexcept {
        session.place_.session = &session;
        ngx_queue_insert_tail(&ngx::ready(all_), &session.place_.queue);
    }
    static void remove(Steered &session) noexcept {
        if (session.place_.session != nullptr) {
            ngx_queue_remove(&session.place_.queue);
            session.place_ = {};
        }
    }
    // What is not yet answered gets `status` in the place of the 101. False if it is at its end
    // anyhow.
    static bool end(Steered &session, ws::CloseCode code, std::string_view why,
                    ngx_int_t status) noexcept {
        if (session.begun_) {
            return session.end_now(code, why);
        }
        return std::exchange(session.refused_, status) == 0;
    }
    // How many have ended.
    [[nodiscard]] size_t obey(const ws::EndOrder &order) noexcept;

private:
    void choose(const ws::Selection &selection, ngx_queue_t &chosen) noexcept;
    [[nodiscard]] static Steered &at(ngx_queue_t *queue) noexcept {
        return *reinterpret_cast<Steered::Place *>(queue)->session;
    }

    ngx_queue_t all_ = {};
};

void WorkerSessions::choose(const ws::Selection &selection, ngx_queue_t &chosen) noexcept {
    for (ngx_queue_t *q = ngx_queue_head(&ngx::ready(all_)); q != &all_;) {
        ngx_queue_t *next = ngx_queue_next(q);
        if (selection.takes(at(q).what_)) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(&chosen, q);
        }
        q = next;
    }
}

// One that ends may take others with it, so that none is held on to meanwhile.
size_t WorkerSessions::obey(const ws::EndOrder &order) noexcept {
    ngx_queue_t chosen;
    ngx_queue_init(&chosen);
    choose(order.selection, chosen);
    size_t ended = 0;
    while (!ngx_queue_empty(&chosen)) {
        ngx_queue_t *q = ngx_queue_head(&chosen);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&all_, q);
        if (end(at(q), ws::CloseCode{order.code}, order.why(), NGX_HTTP_FORBIDDEN)) {
            ++ended;
        }
    }
    return ended;
}

namespace {

constinit WorkerSessions worker_sessions;

bool read_key(ngx_http_request_t *r, ws::SessionKey &key) noexcept {
    ngx_http_complex_value_t *value = loc_conf(r).steering.key;
    ngx_str_t text = ngx_null_string;
    if (value != nullptr && ngx_http_complex_value(r, value, &text) != NGX_OK) {
        return false;
    }
    const std::optional<ws::SessionKey> read = ws::session_key(ngx::view(text));
    key = read.value_or(ws::SessionKey{});
    return read.has_value();
}

void count(ngx_http_request_t *r, bool displaced) noexcept {
    if (ws::Counters *counters = counters_of(loc_conf(r).status.zone); counters != nullptr) {
        counters->count(ws::Metric::limited, displaced ? 1 : 0);
    }
}

void obey_orders(Post &post) noexcept {
    while (ws::EndOrder *order = post.orders().next(*post.listener, post.shared)) {
        const ws::Owner asker = order->asker;
        order->ended.fetch_add(worker_sessions.obey(*order), std::memory_order_relaxed);
        ws::Orders::obeyed(*post.listener, *order);
        if (asker.pid != post.owner.pid) {
            wake(asker);
        }
    }
}

}  // namespace

ngx_int_t Steered::enter(ngx_http_request_t *r) noexcept {
    const LocConf &conf = loc_conf(r);
    Post *post = find_post();
    if (post == nullptr || conf.status.zone == nullptr || conf.status.zone->on_board == nullptr) {
        return NGX_OK;
    }
    what_.zone = conf.status.zone->on_board;
    what_.number = r->connection->number;
    if (!read_key(r, what_.key)) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    if (conf.steering.limit.most != 0 && !what_.key.empty()) {
        if (const ngx_int_t status = take_place(r, *post); status != NGX_OK) {
            return status;
        }
    }
    worker_sessions.add(*this);
    return NGX_OK;
}

void Steered::enter_again(const LocConf &conf, uint64_t number,
                          const ws::SessionKey &key) noexcept {
    begun_ = true;
    Post *post = find_post();
    if (post == nullptr || conf.status.zone == nullptr || conf.status.zone->on_board == nullptr) {
        return;
    }
    what_.zone = conf.status.zone->on_board;
    what_.number = number;
    what_.key = key;
    if (conf.steering.limit.most != 0 && !key.empty()) {
        ticket_ = post->quota()
                      .take({.place = {.key = key, .zone = what_.zone},
                             .owner = post->owner,
                             .holder = this,
                             .most = SIZE_MAX,
                             .displaces = false},
                            post->shared)
                      .ticket;
    }
    worker_sessions.add(*this);
}

ngx_int_t Steered::take_place(ngx_http_request_t *r, Post &post) noexcept {
    const SessionLimit &limit = loc_conf(r).steering.limit;
    const ws::Quota::Answer answer =
        post.quota().take({.place = {.key = what_.key, .zone = what_.zone},
                           .owner = post.owner,
                           .holder = this,
                           .most = limit.most,
                           .displaces = limit.displaces != 0},
                          post.shared);
    ticket_ = answer.ticket;
    if (answer.displaced) {
        count(r, true);
        post.quota().each_displaced_owner(post.shared, wake);
    }
    if (ticket_ != nullptr) {
        return NGX_OK;
    }
    RequestLog log(r);
    if (answer.verdict == ws::Quota::Verdict::no_memory) {
        ngx_log_error(NGX_LOG_ERR, log.get(), 0,
                      "ws: ws_zone is full: ws_limit_sessions cannot count, and lets nobody in");
    } else {
        count(r, false);
        ngx_log_error(NGX_LOG_INFO, log.get(), 0,
                      "ws: refused: its key has all %ui sessions of ws_limit_sessions", limit.most);
    }
    return NGX_HTTP_SERVICE_UNAVAILABLE;
}

void Steered::leave() noexcept {
    WorkerSessions::remove(*this);
    Post *post = ticket_ == nullptr ? nullptr : find_post();
    if (post != nullptr && post->shared.has(ticket_)) {
        post->quota().give_back(*std::exchange(ticket_, nullptr), post->shared);
    }
}

void obey() noexcept {
    Post *post = find_post();
    if (post == nullptr) {
        return;
    }
    while (void *session = post->quota().next_displaced(post->owner, post->shared)) {
        (void)WorkerSessions::end(*static_cast<Steered *>(session), displaced_code, displaced_words,
                                  NGX_HTTP_SERVICE_UNAVAILABLE);
    }
    if (post->listener != nullptr) {
        obey_orders(*post);
    }
    answer_waiting();
}

}  // namespace ngx_ws

#include "module/ws_resume/to_owner.hpp"

#include "module/ws_requests/log.hpp"
#include "module/ws_resume/asked.hpp"
#include "module/ws_resume/claimant.hpp"
#include "module/ws_resume/owner_socket.hpp"
#include "module/ws_resume/refusal.hpp"
#include "module/ws_session/leg.hpp"
#include "module/ws_status/handshakes.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"

#include <cstring>
#include <optional>

namespace ngx_ws {

namespace {

// What is known here of a leg that lives elsewhere.
class PassedLeg final : public Leg {
public:
    PassedLeg(ngx_http_request_t *r, Context &ctx) noexcept : Leg(r, ctx) {}

    [[nodiscard]] ws::Facts facts() const noexcept override { return facts_; }
    [[nodiscard]] LegFacts leg_facts() const noexcept override { return leg_; }

    // The owner has answered. False if the 101 cannot be.
    [[nodiscard]] bool take(const ClaimAnswer &answer) noexcept {
        leg_ = {.session = answer.session, .leg = answer.leg, .detached = answer.detached};
        if (answer.code != 0) {
            refused(static_cast<ws::CloseCode>(answer.code));
        } else {
            count_resume(request(), 0);
        }
        // A Close of the owner's is answered, and that must not become a reset.
        request()->lingering_close = 1;
        return prepare_answer();
    }

    // Whom the SID names.
    OwnerAddress *find_owner(uint64_t worker) noexcept { return &owner_.emplace(worker); }

    // There is no answer: the owner is gone for good, or it is about to leave and the client finds
    // the session where that went. False if the client takes a status for that, and nothing else.
    [[nodiscard]] bool tell_lost() noexcept {
        const bool is_over = is_gone(*owner_);
        const bool bears_close = is_over || context().asked->name != ws::ResumeName::ssh;
        if (!bears_close || !answer_at_once()) {
            return false;
        }
        refused(is_over ? ws::resume_close::unknown_sid : ws::resume_close::come_back);
        request()->lingering_close = 1;
        return send_close(request(), facts_.close_code,
                          is_over ? "unknown session" : "this worker leaves") == NGX_OK;
    }

private:
    void refused(ws::CloseCode code) noexcept {
        facts_.ended_by = ws::Side::gateway;
        facts_.close_code = code;
        count_resume(request(), static_cast<unsigned>(code));
        RequestLog log(request());
        ngx_log_error(NGX_LOG_WARN, log.get(), 0, "ws: refused to resume, code %ui",
                      static_cast<ngx_uint_t>(code));
    }

    std::optional<OwnerAddress> owner_;
    ws::Facts facts_ = {};
    LegFacts leg_ = {};
};

PassedLeg &leg_of_request(ngx_http_request_t *r) noexcept {
    return *static_cast<PassedLeg *>(find_context(r)->leg);
}

// How nginx goes about a connection to another worker. It is given up when its other end is.
ngx_http_upstream_conf_t &conf() noexcept {
    static ngx_http_upstream_conf_t made = {};
    made.connect_timeout = 5000;
    made.send_timeout = 60000;
    made.read_timeout = NGX_MAX_INT32_VALUE;
    made.next_upstream = NGX_HTTP_UPSTREAM_FT_OFF;
    made.next_upstream_tries = 1;
    made.buffer_size = 16 * 1024;
    ngx_str_set(&made.module, "ws");
    return made;
}

ngx_int_t write_request(ngx_http_request_t *r) {
    Claimant claimant;
    ngx_buf_t *buffer = ngx_create_temp_buf(r->pool, max_claim_message);
    ngx_chain_t *link = ngx_alloc_chain_link(r->pool);
    if (buffer == nullptr || link == nullptr || !read_claimant(r, *find_context(r), claimant)) {
        return NGX_ERROR;
    }
    buffer->last += write_claim(claimant, {buffer->pos, buffer->end});
    buffer->flush = 1;
    link->buf = buffer;
    link->next = nullptr;
    r->upstream->request_bufs = link;
    return buffer->last == buffer->pos ? NGX_ERROR : NGX_OK;
}

ngx_int_t read_answer(ngx_http_request_t *r) {
    ngx_http_upstream_t &u = *r->upstream;
    ClaimAnswer answer;
    if (static_cast<size_t>(u.buffer.last - u.buffer.pos) < sizeof(answer)) {
        return NGX_AGAIN;
    }
    std::memcpy(&answer, u.buffer.pos, sizeof(answer));
    u.buffer.pos += sizeof(answer);
    if (answer.version != claim_version) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }
    if (!leg_of_request(r).take(answer)) {
        return NGX_ERROR;
    }
    u.headers_in.status_n = NGX_HTTP_SWITCHING_PROTOCOLS;
    u.headers_in.status_line = ngx_string("101 Switching Protocols");
    u.state->status = NGX_HTTP_SWITCHING_PROTOCOLS;
    u.upgrade = 1;
    return NGX_OK;
}

ngx_int_t never_again(ngx_http_request_t *) {
    return NGX_ERROR;
}

void ignore_abort(ngx_http_request_t *) {
}

void finish(ngx_http_request_t *r, ngx_int_t status) {
    const bool is_lost = status >= NGX_HTTP_INTERNAL_SERVER_ERROR &&
                         status <= NGX_HTTP_GATEWAY_TIME_OUT && !r->upstream->header_sent;
    if (is_lost && leg_of_request(r).tell_lost()) {
        r->upstream->header_sent = 1;
    }
}

bool dial(ngx_http_request_t *r, OwnerAddress *owner) noexcept {
    auto *resolved = static_cast<ngx_http_upstream_resolved_t *>(
        ngx_pcalloc(r->pool, sizeof(ngx_http_upstream_resolved_t)));
    if (resolved == nullptr) {
        return false;
    }
    resolved->sockaddr = reinterpret_cast<sockaddr *>(&owner->address);
    resolved->socklen = owner->size;
    resolved->naddrs = 1;
    resolved->host = ngx_string("another worker");
    resolved->name = resolved->host;
    r->upstream->resolved = resolved;
    return true;
}

}  // namespace

ngx_int_t pass_to_owner(ngx_http_request_t *r, Context &ctx, uint64_t worker) noexcept {
    auto *leg = ngx::make<PassedLeg>(r->pool, r, ctx);
    if (leg == nullptr || ngx_http_upstream_create(r) != NGX_OK ||
        !dial(r, leg->find_owner(worker))) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ctx.leg = leg;
    ngx_http_upstream_t &u = *r->upstream;
    ngx_str_set(&u.schema, "ws://");
    u.conf = &conf();
    u.create_request = write_request;
    u.reinit_request = never_again;
    u.process_header = read_answer;
    u.abort_request = ignore_abort;
    u.finalize_request = finish;
    r->main->count++;
    ngx_http_upstream_init(r);
    return NGX_DONE;
}

}  // namespace ngx_ws

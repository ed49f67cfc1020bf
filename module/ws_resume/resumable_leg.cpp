#include "module/ws_resume/resumable_leg.hpp"

#include "module/ws_requests/context.hpp"
#include "module/ws_requests/log.hpp"
#include "module/ws_resume/asked.hpp"
#include "module/ws_resume/claim.hpp"
#include "module/ws_resume/refusal.hpp"
#include "module/ws_status/handshakes.hpp"
#include "module/ws_upgrade/upgrade.hpp"

#include "ngx_ws_filter/ws_resume/breach.hpp"

namespace ngx_ws {

namespace {

void on_pool_destroyed(void *leg) {
    static_cast<ResumableLeg *>(leg)->drop_unkept();
}

ws::Facts refused(ws::CloseCode code, std::string_view why) noexcept {
    ws::Facts facts = {};
    facts.phase = ws::Phase::over;
    facts.ended_by = ws::Side::gateway;
    facts.close_code = code;
    facts.why = why;
    return facts;
}

}  // namespace

ResumableLeg::ResumableLeg(ngx_http_request_t *r, Context &ctx) noexcept
    : Leg(r, ctx), SessionLeg(r->pool) {
}

ResumableLeg *ResumableLeg::make_next(ngx_http_request_t *r, Context &ctx) noexcept {
    auto *leg = ngx::make<ResumableLeg>(r->pool, r, ctx);
    return leg == nullptr || leg->session() == nullptr ? nullptr : leg;
}

// A session that never came to its 101 goes with its request, behind the accounts of upstream{},
// which lie in the session's memory.
ResumableLeg *ResumableLeg::make_first(ngx_http_request_t *r, Context &ctx) noexcept {
    ResumableLeg *leg = make_next(r, ctx);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, 0);
    if (leg == nullptr || cleanup == nullptr) {
        return nullptr;
    }
    cleanup->handler = on_pool_destroyed;
    cleanup->data = leg;
    leg->resumable_ = Resumable::make(r, ctx);
    return leg->resumable_ == nullptr ? nullptr : leg;
}

void ResumableLeg::drop_unkept() noexcept {
    if (resumable_ != nullptr) {
        std::exchange(resumable_, nullptr)->drop();
    }
}

ngx_pool_t *ResumableLeg::choice_pool() const noexcept {
    return resumable_ == nullptr ? nullptr : resumable_->pool();
}

void ResumableLeg::start() noexcept {
    resumable_->open(*this);
    take_client();
}

// --- what can be told

ws::Facts ResumableLeg::facts() const noexcept {
    return joined_ ? resumable_->facts() : last_;
}

LegFacts ResumableLeg::leg_facts() const noexcept {
    return joined_ ? resumable_->leg_facts() : last_leg_;
}

// --- turns

void ResumableLeg::turn() noexcept {
    if (started() || begin()) {
        resumable_->turn();
    }
}

// False if the leg is over.
bool ResumableLeg::begin() noexcept {
    if (resumable_ != nullptr && resumable_->refused() != 0) {
        answer_without(resumable_->refused());
        return false;
    }
    if (!begin_answer()) {
        return false;
    }
    if (resumable_ == nullptr) {
        return join();
    }
    joined_ = resumable_->keep(*this);
    if (!joined_) {
        last_ = refused(ws::CloseCode::internal_error, "gateway has no memory");
        end();
    }
    return joined_;
}

// A client that was lost while it was answered comes again, and leaves the session to who has it.
bool ResumableLeg::join() noexcept {
    if (request()->connection->error) {
        end();
        return false;
    }
    Claimant claimant;
    if (!read_claimant(request(), context(), claimant)) {
        end();
        return false;
    }
    Claim claim = check_claim(claimant);
    if ((claim.session != nullptr || claim.code == ws::resume_close::unknown_sid) &&
        leaver().where(claim.session) != Leaver::Where::here) {
        if (claimant.name == ws::ResumeName::ssh) {
            end();
            return false;
        }
        claim.session = nullptr;
        claim.code = ws::resume_close::come_back;
        claim.why = "this worker leaves";
    }
    if (claim.session == nullptr || !claim.session->attach(*this, claim)) {
        refuse(claim.code, claim.why);
        return false;
    }
    resumable_ = claim.session;
    joined_ = true;
    count_resume(request(), 0);
    return true;
}

void ResumableLeg::refuse(ws::CloseCode code, std::string_view why) noexcept {
    ngx_http_request_t *r = request();
    last_ = refused(code, why);
    count_resume(r, static_cast<unsigned>(code));
    const ngx_str_t text = ngx::str(why);
    RequestLog log(r);
    ngx_log_error(NGX_LOG_WARN, log.get(), 0, "ws: refused to resume: %V, code %ui", &text,
                  static_cast<ngx_uint_t>(code));
    const ngx_int_t rc = send_close(r, code, why);
    *r->upstream->cleanup = nullptr;
    r->upstream->cleanup = nullptr;
    r->lingering_close = 1;
    ngx_http_finalize_request(r, rc);
}

// --- for the session

// A turn as nginx runs a request's: with its log, and with whatever the end of a request leaves to
// be done.
void ResumableLeg::on_backend(bool is_up) noexcept {
    ngx_connection_t *client = connection();
    ngx_http_set_log_request(client->log, request());
    if (is_up) {
        shut_down();
    } else {
        turn();
    }
    ngx_http_run_posted_requests(client);
}

void ResumableLeg::linger(bool stalled, bool lingers) noexcept {
    connection()->timedout = stalled;
    request()->lingering_close = lingers;
}

void ResumableLeg::close() noexcept {
    ngx_connection_t *client = connection();
    end();
    ngx_http_run_posted_requests(client);
}

// --- the end

void ResumableLeg::is_over(const ws::Facts &facts, const LegFacts &leg, bool goes_on) noexcept {
    last_ = facts;
    last_.why = ngx::view(ngx::copy(request()->pool, facts.why));  // the session's may go
    last_leg_ = leg;
    resumable_ = nullptr;
    joined_ = false;
    log_end(goes_on);
}

// A page for the status says more, and may be another location that tries.
bool ResumableLeg::tell_unreached() noexcept {
    ngx_http_request_t *r = request();
    const bool has_page = has_error_page(r, NGX_HTTP_BAD_GATEWAY) ||
                          has_error_page(r, NGX_HTTP_SERVICE_UNAVAILABLE) ||
                          has_error_page(r, NGX_HTTP_GATEWAY_TIME_OUT);
    if (has_page || !answer_at_once()) {
        return false;
    }
    last_ = refused(ws::resume_close::not_connected, "backend is not reached");
    r->lingering_close = 1;
    return send_close(r, last_.close_code, last_.why) == NGX_OK;
}

void ResumableLeg::release() noexcept {
    ngx_http_request_t *r = request();
    if (joined_) {
        resumable_->lose_leg();
    } else if (resumable_ != nullptr) {
        resumable_->release();
    }
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
}

}  // namespace ngx_ws

#include "module/ws_resume/remote_leg.hpp"

#include "module/ws_endpoints/moved_connection.hpp"
#include "module/ws_resume/claim.hpp"
#include "module/ws_resume/leaver.hpp"

#include "ngx_ws_filter/ws_frames/frame_writer.hpp"
#include "ngx_ws_filter/ws_messages/close.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cstring>

namespace ngx_ws {

namespace {

constexpr size_t pool_size = 512;

// Between two processes of one machine.
constexpr ngx_msec_t claim_timeout = 10000;
constexpr ngx_msec_t linger_timeout = 5000;
constexpr ngx_msec_t between_looks = 5;

void on_event(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    static_cast<RemoteLeg *>(c->data)->turn();
}

void end(ngx_connection_t *c) noexcept {
    ngx_pool_t *pool = c->pool;
    ngx_close_connection(c);
    ngx_destroy_pool(pool);
}

void on_nothing(ngx_event_t *) {
}

void on_last_bytes(ngx_event_t *ev) {
    auto *c = static_cast<ngx_connection_t *>(ev->data);
    std::array<uint8_t, 4096> dropped;
    ssize_t n = NGX_ERROR;
    if (!c->close && !ev->timedout) {
        while ((n = c->recv(c, dropped.data(), dropped.size())) > 0) {
        }
    }
    if (n != NGX_AGAIN || ngx_handle_read_event(ev, 0) != NGX_OK) {
        end(c);
    }
}

}  // namespace

bool RemoteLeg::begin(int socket, std::span<const uint8_t> heard) noexcept {
    ngx_connection_t *c = ngx_get_connection(socket, ngx_cycle->log);
    if (c == nullptr) {
        return false;
    }
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->pool = ngx_create_pool(pool_size, c->log);
    auto *message = static_cast<uint8_t *>(
        c->pool == nullptr ? nullptr : ngx_palloc(c->pool, max_claim_message));
    auto *leg = message == nullptr ? nullptr : ngx::make<RemoteLeg>(c->pool, c, message);
    if (leg == nullptr || leg->session() == nullptr) {
        if (c->pool != nullptr) {
            ngx_destroy_pool(c->pool);
        }
        ngx_free_connection(c);
        c->fd = -1;
        return false;
    }
    leg->heard_ = ngx_min(heard.size(), max_claim_message);
    std::copy_n(heard.begin(), leg->heard_, message);
    c->data = leg;
    c->read->handler = on_event;
    c->write->handler = on_event;
    c->read->ready = 1;
    c->write->ready = 1;
    ngx_add_timer(c->read, claim_timeout);
    ngx_post_event(c->read, &ngx_posted_events);
    if (ngx_add_conn != nullptr && ngx_add_conn(c) != NGX_OK) {
        leg->close();
    }
    return true;
}

void RemoteLeg::turn() noexcept {
    if (session_ != nullptr) {
        on_backend(c_->close != 0);
        return;
    }
    if (c_->close) {
        close();
        return;
    }
    if (c_->read->timedout && waits_until_ == 0) {
        close();
        return;
    }
    c_->read->timedout = 0;
    if (!find() && !hear()) {
        close();
    }
}

// Whether its claim is whole, and what becomes of it known.
bool RemoteLeg::find() noexcept {
    Claimant claimant;
    if (heard_ == 0 || read_claim({message_, heard_}, claimant) != ClaimCame::whole) {
        return false;
    }
    if (c_->read->timer_set) {
        ngx_del_timer(c_->read);
    }
    join(claimant);
    return true;
}

// False if nobody is there to hear.
bool RemoteLeg::hear() noexcept {
    while (heard_ < max_claim_message) {
        const ssize_t n = c_->recv(c_, message_ + heard_, max_claim_message - heard_);
        if (n == NGX_AGAIN) {
            return ngx_handle_read_event(c_->read, 0) == NGX_OK;
        }
        if (n <= 0) {
            return false;
        }
        heard_ += static_cast<size_t>(n);
        if (find()) {
            return true;
        }
        Claimant claimant;
        if (read_claim({message_, heard_}, claimant) == ClaimCame::broken) {
            return false;
        }
    }
    return false;
}

void RemoteLeg::join(const Claimant &claimant) noexcept {
    const Claim claim = check_claim(claimant);
    if (claim.session != nullptr || claim.code == ws::resume_close::unknown_sid) {
        const Leaver::Where where = leaver().where(claim.session);
        if (where == Leaver::Where::heir && pass_on()) {
            return;
        }
        if (where != Leaver::Where::here) {
            if (!wait()) {
                send_back(claimant);
            }
            return;
        }
    }
    place_.make(c_, {.window = {}, .notsent_lowat = {}, .rcvbuf = {}}, false, {}, nullptr);
    if (claim.session == nullptr || !claim.session->attach(*this, claim)) {
        refuse(claim.code, claim.why);
        return;
    }
    session_ = claim.session;
    (void)ngx_pfree(c_->pool, message_);
    on_backend(!answer(0, session_->leg_facts()));
}

// It is not known yet which worker goes on with the session. A client of v4 comes back from a lost
// connection alone.
void RemoteLeg::send_back(const Claimant &claimant) noexcept {
    if (claimant.name == ws::ResumeName::ssh) {
        close();
    } else {
        refuse(ws::resume_close::come_back, "this worker leaves");
    }
}

// False if it has waited for too long.
bool RemoteLeg::wait() noexcept {
    if (waits_until_ == 0) {
        waits_until_ = ngx_current_msec + claim_timeout;
    }
    if (static_cast<ngx_msec_int_t>(waits_until_ - ngx_current_msec) <= 0) {
        return false;
    }
    ngx_add_timer(c_->read, between_looks);
    return true;
}

// Its heir goes on where this worker has heard the claim. False if it cannot: the object is gone
// otherwise.
bool RemoteLeg::pass_on() noexcept {
    if (!leaver().forward(c_->fd, {message_, heard_})) {
        return false;
    }
    (void)MovedConnection::release(c_);
    return true;
}

// A socket that is empty has room for so few bytes.
bool RemoteLeg::answer(uint32_t code, const LegFacts &leg) noexcept {
    const ClaimAnswer answer = {.version = claim_version,
                                .code = code,
                                .session = leg.session,
                                .leg = leg.leg,
                                .detached = static_cast<uint32_t>(leg.detached)};
    std::array<uint8_t, sizeof(answer)> bytes;
    std::memcpy(bytes.data(), &answer, bytes.size());
    return c_->send(c_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

void RemoteLeg::refuse(ws::CloseCode code, std::string_view why) noexcept {
    std::array<uint8_t, ws::max_control_frame> frame;
    std::array<uint8_t, ws::max_control_payload> payload;
    const size_t size = ws::write_close(payload.data(), code, why);
    const size_t whole =
        ws::write_control_frame(frame.data(), ws::Opcode::close, std::span{payload}.first(size));
    if (answer(static_cast<uint32_t>(code), {})) {
        (void)c_->send(c_, frame.data(), whole);
    }
    close();
}

void RemoteLeg::on_backend(bool is_up) noexcept {
    if (is_up) {
        session_->lose_leg();
        close();
    } else {
        session_->turn();
    }
}

void RemoteLeg::is_over(const ws::Facts &facts, const LegFacts &leg, bool goes_on) noexcept {
    session_ = nullptr;
    ngx_log_error(NGX_LOG_INFO, c_->log, 0,
                  "ws: leg %ui of session %uL is over, code %ui%s, by way of another worker",
                  ngx_uint_t{leg.leg}, leg.session, static_cast<ngx_uint_t>(facts.close_code),
                  goes_on ? ", the session waits" : "");
}

// The other worker has to read our last words before it learns that nobody listens: until it has
// closed its end, what it sends is read and dropped.
void RemoteLeg::close() noexcept {
    session_ = nullptr;
    (void)shutdown(c_->fd, SHUT_WR);
    c_->read->handler = on_last_bytes;
    c_->write->handler = on_nothing;
    c_->read->timedout = 0;
    ngx_add_timer(c_->read, linger_timeout);
    c_->read->ready = 1;
    on_last_bytes(c_->read);
}

}  // namespace ngx_ws

// A request that is a leg of a session that can be resumed: the first, which dials the backend, or
// a later one, which comes back.
#pragma once

#include "module/ws_resume/resumable.hpp"
#include "module/ws_resume/session_leg.hpp"

namespace ngx_ws {

class ResumableLeg final : public Leg, public SessionLeg {
public:
    // In the request's pool, with a new session; null if there is no memory.
    [[nodiscard]] static ResumableLeg *make_first(ngx_http_request_t *r, Context &ctx) noexcept;
    // For a reconnect, which finds its session when its 101 is out.
    [[nodiscard]] static ResumableLeg *make_next(ngx_http_request_t *r, Context &ctx) noexcept;
    ResumableLeg(ngx_http_request_t *r, Context &ctx) noexcept;

    [[nodiscard]] ngx_int_t enter() noexcept override { return resumable_->enter(request()); }
    void start() noexcept override;
    [[nodiscard]] ws::Facts facts() const noexcept override;
    [[nodiscard]] LegFacts leg_facts() const noexcept override;
    void turn() noexcept override;
    [[nodiscard]] bool tell_unreached() noexcept override;
    void release() noexcept override;
    [[nodiscard]] ngx_pool_t *choice_pool() const noexcept override;

    // --- for the session

    using Leg::make_backend;

    [[nodiscard]] ngx_connection_t *connection() const noexcept override {
        return request()->connection;
    }
    [[nodiscard]] Connection *endpoint() noexcept override { return &client(); }
    [[nodiscard]] ws::Answer send_answer() noexcept override { return Leg::send_answer(); }
    void come_back() noexcept override { Leg::come_back(); }
    [[nodiscard]] ngx_http_upstream_state_t *state() noexcept override {
        return request()->upstream->state;
    }
    void on_backend(bool is_up) noexcept override;
    void is_over(const ws::Facts &facts, const LegFacts &leg, bool goes_on) noexcept override;
    void linger(bool stalled, bool lingers) noexcept override;
    void close() noexcept override;
    void take_client() noexcept { Leg::take_client(); }

    // nginx gives the request's memory back, of which the session has kept nothing.
    void drop_unkept() noexcept;

private:
    [[nodiscard]] bool begin() noexcept;
    [[nodiscard]] bool join() noexcept;
    void refuse(ws::CloseCode code, std::string_view why) noexcept;

    Resumable *resumable_ = nullptr;  // null before a reconnect has found it, and after
    bool joined_ = false;             // the session counts it as its leg
    ws::Facts last_ = {};             // once it is over
    LegFacts last_leg_ = {};
};

}  // namespace ngx_ws

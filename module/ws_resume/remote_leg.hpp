// A leg whose client is connected to another worker, which passes its bytes on: see to_owner.hpp.
#pragma once

#include "module/ws_resume/claimant.hpp"
#include "module/ws_resume/resumable.hpp"
#include "module/ws_resume/session_leg.hpp"

namespace ngx_ws {

class RemoteLeg final : public SessionLeg {
public:
    // Another worker has connected, and `heard` is what it has said to who had the session before.
    // False if there is no memory or no connection free: then the socket is the caller's.
    [[nodiscard]] static bool begin(int socket, std::span<const uint8_t> heard) noexcept;
    RemoteLeg(ngx_connection_t *c, uint8_t *message) noexcept
        : SessionLeg(c->pool), c_(c), message_(message) {}

    // Something has happened to the connection.
    void turn() noexcept;

    // --- for the session

    [[nodiscard]] ngx_connection_t *connection() const noexcept override { return c_; }
    [[nodiscard]] Connection *endpoint() noexcept override { return &place_.endpoint(); }
    void come_back() noexcept override { ngx_post_event(c_->write, &ngx_posted_next_events); }
    void on_backend(bool is_up) noexcept override;
    void is_over(const ws::Facts &facts, const LegFacts &leg, bool goes_on) noexcept override;
    void close() noexcept override;

private:
    [[nodiscard]] bool hear() noexcept;
    [[nodiscard]] bool find() noexcept;
    void join(const Claimant &claimant) noexcept;
    void send_back(const Claimant &claimant) noexcept;
    [[nodiscard]] bool wait() noexcept;
    [[nodiscard]] bool pass_on() noexcept;
    [[nodiscard]] bool answer(uint32_t code, const LegFacts &leg) noexcept;
    void refuse(ws::CloseCode code, std::string_view why) noexcept;

    ngx_connection_t *c_;
    Resumable *session_ = nullptr;  // null before and after
    EndpointPlace place_;
    ngx_msec_t waits_until_ = 0;  // for a session that is on its way
    size_t heard_ = 0;
    uint8_t *message_;  // what was heard before it joined
};

}  // namespace ngx_ws

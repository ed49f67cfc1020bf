// What a session that can be resumed needs of its leg, whether its client's request is here or in
// another worker. The functions do nothing here only because pure ones would need the C++ run-time
// library.
#pragma once

#include "module/ws_resume/kept_backend.hpp"
#include "module/ws_session/leg.hpp"

#include "ngx_ws_filter/ws_resume/sid.hpp"

#include <optional>

namespace ngx_ws {

class SessionLeg {
public:
    // The connection of the client, or of the worker that has it.
    [[nodiscard]] virtual ngx_connection_t *connection() const noexcept { return nullptr; }
    [[nodiscard]] virtual Connection *endpoint() noexcept { return nullptr; }
    // See ws::Host.
    [[nodiscard]] virtual ws::Answer send_answer() noexcept { return ws::Answer::sent; }
    virtual void come_back() noexcept {}

    // Where nginx accounts for the backend's bytes; null: nowhere.
    [[nodiscard]] virtual ngx_http_upstream_state_t *state() noexcept { return nullptr; }

    // Something has happened to the backend's connection, or the leg's time `is_up`.
    virtual void on_backend(bool /*is_up*/) noexcept {}

    // The session has done with the leg, and waits for the next one if it `goes_on`. close() is to
    // follow, unless the leg itself has asked for it.
    virtual void is_over(const ws::Facts &, const LegFacts &, bool /*goes_on*/) noexcept {}
    // The client may still have something to say.
    virtual void linger(bool /*stalled*/, bool /*lingers*/) noexcept {}
    // Ends the connection, and with it this object.
    virtual void close() noexcept {}

    // What is said on this leg, in memory that is the leg's. Null without any.
    [[nodiscard]] ws::Session *session() const noexcept { return session_; }

    // The text that the client is told.
    std::string_view keep_sid(const ws::SidText &text) noexcept {
        return sid_.emplace(text).view();
    }

protected:
    explicit SessionLeg(ngx_pool_t *pool) noexcept
        : session_(ngx::make_within<ws::Session>(pool, ws::SessionOptions{})) {}
    ~SessionLeg() = default;

private:
    ws::Session *session_;
    std::optional<ws::SidText> sid_;
};

}  // namespace ngx_ws

// A request that has become a session: nginx's events go to its relay, and what the relay needs of
// nginx comes from here.
#pragma once

#include "module/ws_endpoints/tls_connection.hpp"
#include "module/ws_session/buffers.hpp"
#include "module/ws_session/lending.hpp"
#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

#include <optional>
#include <variant>

namespace ngx_ws {

struct Context;

// Made in the request's pool before the backend is dialled.
class RequestHost final : private ws::Host {
public:
    // In the request's pool; null if there is no memory.
    [[nodiscard]] static RequestHost *make(ngx_http_request_t *r, Context &ctx) noexcept;
    RequestHost(ngx_http_request_t *r, Context &ctx, const Lending &lending,
                ws::Session &session) noexcept;

    [[nodiscard]] ngx_http_request_t *request() const noexcept { return r_; }
    [[nodiscard]] Context &context() const noexcept { return *ctx_; }

    // Takes both connections over from nginx. Called while nginx still works on the request, so
    // that the 101 is sent, and may be refused, in an event of its own.
    void start() noexcept;
    // The 101 is sent, or a part of it.
    [[nodiscard]] bool started() const noexcept { return answer_ != Answer::due; }
    // Once started.
    [[nodiscard]] ws::Facts facts() const noexcept { return relay_->facts(ngx_current_msec); }

    // Something has happened to one of the connections, or time has passed. May end the request and
    // with it this object: the last thing that an event handler calls.
    void turn() noexcept;
    // The worker's time is up. The same.
    void shut_down() noexcept;

    // Gives back what is held, and tells both ends if they do not yet know that the session is
    // over. nginx calls for it whatever ends the request.
    void release() noexcept;

private:
    enum class Answer : uint8_t { due, begun, sent };

    [[nodiscard]] const ws::Scratch &scratch() const noexcept override;
    [[nodiscard]] ws::HeldBuffer *lend() noexcept override { return take_buffer(); }
    void give_back(ws::HeldBuffer *buffer) noexcept override { ngx_ws::give_back(buffer); }
    [[nodiscard]] size_t empty_pipe(std::span<uint8_t> to) noexcept override;
    [[nodiscard]] ws::Answer send_answer() noexcept override;
    void come_back() noexcept override;
    void tell(ws::Order order, ws::Phase phase) noexcept override;
    void tell_ping(ws::Millis silence) noexcept override;
    void tell_pong(ws::Millis round_trip) noexcept override;
    void tell_late(ws::Deadline which, ws::Millis waited, ws::Millis silence) noexcept override;

    void make_relay() noexcept;
    void make_endpoints() noexcept;
    [[nodiscard]] ws::Translator &choose_translator() noexcept;
    void take_events() noexcept;
    [[nodiscard]] bool begin_answer() noexcept;
    [[nodiscard]] bool watch() noexcept;
    void arm() noexcept;
    void say_goodbye() noexcept;
    void log_end() noexcept;
    void end() noexcept;

    ngx_http_request_t *r_;
    Context *ctx_;  // r_ forgets its own when another module's filter refuses the 101
    const LocConf *conf_;
    EndpointPlace client_place_;
    EndpointPlace backend_place_;
    Connection *client_ = nullptr;
    Connection *backend_ = nullptr;
    Lending lending_;
    ws::Session *session_;
    std::variant<ws::Translator, ws::RoomTranslator> translator_;
    std::optional<ws::Relay> relay_;  // once both connections stand
    Answer answer_ = Answer::due;
};

// The host of a request, or a subrequest of it, that ws_pass has given to a backend.
[[nodiscard]] RequestHost &host_of(ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws

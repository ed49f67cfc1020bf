// A request that has become a leg of a session: its client, the 101 and its lines in the log. A raw
// session has one leg; see RequestHost.
#pragma once

#include "module/ws_endpoints/tls_connection.hpp"
#include "module/ws_session/lending.hpp"
#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

struct Context;

// Made in the request's pool before the backend is dialled. The virtual functions do nothing here
// only because pure ones would need the C++ run-time library.
class Leg {
public:
    [[nodiscard]] ngx_http_request_t *request() const noexcept { return r_; }
    [[nodiscard]] Context &context() const noexcept { return *ctx_; }
    // The 101 is sent, or a part of it.
    [[nodiscard]] bool started() const noexcept { return answer_ != Answer::due; }

    // Takes both connections over from nginx. Called while nginx still works on the request, so
    // that the 101 is sent, and may be refused, in an event of its own.
    virtual void start() noexcept {}
    // Once started.
    [[nodiscard]] virtual ws::Facts facts() const noexcept { return {}; }

    // Something has happened to one of the connections, or time has passed. May end the request and
    // with it this object: the last thing that an event handler calls.
    virtual void turn() noexcept {}
    // The worker's time is up. The same.
    void shut_down() noexcept;

    // Gives back what is held, and tells both ends if they do not yet know that the session is
    // over. nginx calls for it whatever ends the request.
    virtual void release() noexcept {}

protected:
    Leg(ngx_http_request_t *r, Context &ctx, ws::Session &session) noexcept;
    ~Leg() = default;

    // The frames of one leg, in the request's pool; null if there is no memory.
    [[nodiscard]] static ws::Session *make_session(ngx_http_request_t *r, const Context &ctx,
                                                   const Lending &lending) noexcept;

    [[nodiscard]] const LocConf &conf() const noexcept { return *conf_; }
    [[nodiscard]] ws::Session &session() const noexcept { return *session_; }
    [[nodiscard]] Connection &client() noexcept { return client_.endpoint(); }
    // An endpoint for the backend's connection. See Connection.
    void make_backend(EndpointPlace &place) noexcept;

    void take_client() noexcept;
    // False if the request has ended, and with it this object.
    [[nodiscard]] bool begin_answer() noexcept;
    // See ws::Host.
    [[nodiscard]] ws::Answer send_answer() noexcept;
    void come_back() noexcept;

    // Where nginx ends the request, because the worker's time is up or a subrequest has aborted it,
    // both ends are told as well as can be at once, and waited for no more.
    void say_goodbye(ws::Relay &relay, Connection &backend, const ngx_connection_t *c) noexcept;
    void log_end() noexcept;
    // What nginx has to know of the client when the request ends.
    void note_end(const ws::Tunnel &tunnel) noexcept;
    void end() noexcept;

private:
    enum class Answer : uint8_t { due, begun, sent };

    ngx_http_request_t *r_;
    Context *ctx_;  // r_ forgets its own when another module's filter refuses the 101
    const LocConf *conf_;
    ws::Session *session_;
    EndpointPlace client_;
    Answer answer_ = Answer::due;
};

// The leg that a request is, or the main request of a subrequest, which ws_pass has given to a
// backend.
[[nodiscard]] Leg &leg_of(ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws

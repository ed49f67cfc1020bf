// A request that has become a leg of a session: its client, the 101 and its lines in the log. A raw
// session has one leg; see RequestHost.
#pragma once

#include "module/ws_endpoints/tls_connection.hpp"
#include "module/ws_session/lending.hpp"
#include "module/ws_settings/conf.hpp"

#include "ngx_ws_filter/ws_relay/relay.hpp"

namespace ngx_ws {

struct Context;

// Where a leg stands in its session.
struct LegFacts {
    uint64_t session;     // its number: that of its first connection
    unsigned leg;         // from 1; 0: it belongs to none
    ws::Millis detached;  // so long the session had waited for it
};

// Made in the request's pool before the backend is dialled. The virtual functions do nothing here
// only because pure ones would need the C++ run-time library.
class Leg {
public:
    [[nodiscard]] ngx_http_request_t *request() const noexcept { return r_; }
    [[nodiscard]] Context &context() const noexcept { return *ctx_; }
    // The 101 is sent, or a part of it.
    [[nodiscard]] bool started() const noexcept { return answer_ != Answer::due; }

    // The backend is about to be dialled: NGX_OK, or the status for the client.
    [[nodiscard]] virtual ngx_int_t enter() noexcept { return NGX_OK; }
    // Takes both connections over from nginx. Called while nginx still works on the request, so
    // that the 101 is sent, and may be refused, in an event of its own.
    virtual void start() noexcept {}
    // Once started.
    [[nodiscard]] virtual ws::Facts facts() const noexcept { return {}; }
    [[nodiscard]] virtual LegFacts leg_facts() const noexcept {
        return {.session = r_->connection->number, .leg = 1, .detached = 0};
    }
    // The memory for what a server of an upstream is chosen with; null: the request's.
    [[nodiscard]] virtual ngx_pool_t *choice_pool() const noexcept { return nullptr; }

    // Something has happened to one of the connections, or time has passed. May end the request and
    // with it this object: the last thing that an event handler calls.
    virtual void turn() noexcept {}
    // Whether an event that tells of room in the kernel for the client is worth a turn.
    [[nodiscard]] bool takes_turn(const ngx_event_t *ev) noexcept;
    // The worker's time is up. The same.
    void shut_down() noexcept;

    // The backend is not reached. True if the client was told so by a Close, in place of a status.
    [[nodiscard]] virtual bool tell_unreached() noexcept { return false; }
    // Gives back what is held, and tells both ends if they do not yet know that the session is
    // over. nginx calls for it whatever ends the request.
    virtual void release() noexcept {}

protected:
    Leg(ngx_http_request_t *r, Context &ctx) noexcept;
    ~Leg() = default;

    [[nodiscard]] const LocConf &conf() const noexcept { return *conf_; }
    [[nodiscard]] Connection &client() noexcept { return client_.endpoint(); }
    // An endpoint for the backend's connection. See Connection.
    void make_backend(EndpointPlace &place) noexcept;

    void take_client() noexcept;
    // False if the request has ended, and with it this object.
    [[nodiscard]] bool begin_answer() noexcept;
    // Sets all but the status, for nginx to send it.
    [[nodiscard]] bool prepare_answer() noexcept;
    // Begins the answer where nothing else may be done with the request but to end it.
    [[nodiscard]] bool answer_at_once() noexcept;
    // Ends the request with this status in the place of the 101, and with it this object.
    void answer_without(ngx_int_t status) noexcept;
    // See ws::Host.
    [[nodiscard]] ws::Answer send_answer() noexcept;
    void come_back() noexcept;

    // `goes_on`: the session waits for its next leg.
    void log_end(bool goes_on = false) noexcept;
    // What nginx has to know of the client when the request ends.
    void note_end(const ws::Tunnel &tunnel) noexcept;
    void end() noexcept;

private:
    void note_answer() noexcept;

    enum class Answer : uint8_t { due, begun, sent };

    ngx_http_request_t *r_;
    Context *ctx_;  // r_ forgets its own when another module's filter refuses the 101
    const LocConf *conf_;
    EndpointPlace client_;
    Answer answer_ = Answer::due;
    bool comes_back_ = false;  // a turn is due, whatever the event tells
};

// How a backend's connection is bounded once it stands. `client_is_close_by`: the session has both
// ends on this machine.
[[nodiscard]] Bounds backend_bounds(const FlowConf &flow, bool client_is_close_by) noexcept;

// Where nginx ends the request, because the worker's time is up or a subrequest has aborted it,
// both ends are told as well as can be at once, and waited for no more.
void say_goodbye(ws::Relay &relay, ngx_connection_t *client, ngx_connection_t *backend) noexcept;

// The leg that a request is, or the main request of a subrequest, which ws_pass has given to a
// backend.
[[nodiscard]] Leg &leg_of(ngx_http_request_t *r) noexcept;

}  // namespace ngx_ws

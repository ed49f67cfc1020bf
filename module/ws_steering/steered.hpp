// A session that can be ended from elsewhere: because its key has too many, or because somebody has
// ordered so.
#pragma once

#include "module/ws_steering/post.hpp"

#include "ngx_ws_filter/ws_frames/frame.hpp"

namespace ngx_ws {

struct LocConf;

class Steered {
public:
    // The session of this request is about to be dialled, and may be ended from now on. NGX_OK, or
    // the status for the client. leave() has to follow before the object goes.
    [[nodiscard]] ngx_int_t enter(ngx_http_request_t *r) noexcept;
    // A session that goes on from another process, with the key that it has there, takes its place
    // whatever the limit is.
    void enter_again(const LocConf &conf, uint64_t number, const ws::SessionKey &key) noexcept;
    [[nodiscard]] const ws::SessionKey &key() const noexcept { return what_.key; }
    // The session is over. Does nothing without enter().
    void leave() noexcept;

    // It is to end before its 101 is sent, and the client gets this status instead; 0: it is not.
    [[nodiscard]] ngx_int_t refused() const noexcept { return refused_; }

protected:
    Steered() = default;
    ~Steered() = default;

    // The 101 is out.
    void begin() noexcept { begun_ = true; }

private:
    friend class WorkerSessions;

    // May end the session, and with it this object. `why` lasts only as long as the call. False if
    // the session is at its end anyhow.
    virtual bool end_now(ws::CloseCode /*code*/, std::string_view /*why*/) noexcept {
        return false;
    }

    [[nodiscard]] ngx_int_t take_place(ngx_http_request_t *r, Post &post) noexcept;

    struct Place {
        ngx_queue_t queue;  // first, because it leads to the place
        Steered *session;   // null where it is not there
    };

    Place place_ = {};  // among all of the worker
    ws::Selection what_{};
    ws::Ticket *ticket_ = nullptr;  // of a key with a limit
    ngx_int_t refused_ = 0;
    bool begun_ = false;
};

}  // namespace ngx_ws

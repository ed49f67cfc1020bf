#include "module/ws_resume/owner_socket.hpp"

#include "module/ws_resume/identity.hpp"
#include "module/ws_resume/remote_leg.hpp"

#include <sys/socket.h>

namespace ngx_ws {

namespace {

enum class State : uint8_t { closed, open, failed } state = State::closed;

// After which it is tried again where the process lacks descriptors or the kernel memory.
constexpr ngx_msec_t pause = 100;

bool is_one_of_us(int socket) noexcept {
    struct ucred peer = {};
    socklen_t size = sizeof(peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

void on_connections(ngx_event_t *ev) {
    const auto *listener = static_cast<ngx_connection_t *>(ev->data);
    ev->timedout = 0;
    for (;;) {
        const int socket = accept4(listener->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket == -1) {
            if (ngx_errno == NGX_EINTR || ngx_errno == NGX_ECONNABORTED) {
                continue;
            }
            if (ngx_errno != NGX_EAGAIN) {
                ngx_log_error(NGX_LOG_ERR, ev->log, ngx_errno, "ws: accept4() failed");
                ngx_add_timer(ev, pause);
            }
            break;
        }
        if (!is_one_of_us(socket) || !RemoteLeg::begin(socket)) {
            (void)::close(socket);
        }
    }
    if ((ngx_event_flags & NGX_USE_CLEAR_EVENT) == 0) {
        (void)ngx_handle_read_event(ev, 0);
    }
}

int make_socket() noexcept {
    const OwnerAddress own(worker_number());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket == -1) {
        return -1;
    }
    if (bind(socket, own.get(), own.size) != 0 || listen(socket, SOMAXCONN) != 0) {
        (void)::close(socket);
        return -1;
    }
    return socket;
}

// nginx counts no event of a listening socket at its exit.
bool watch(int socket) noexcept {
    ngx_connection_t *c = ngx_get_connection(socket, ngx_cycle->log);
    if (c == nullptr) {
        (void)::close(socket);
        return false;
    }
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->read->accept = 1;
    c->read->handler = on_connections;
    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        return false;
    }
    return true;
}

}  // namespace

bool is_gone(const OwnerAddress &owner) noexcept {
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket == -1) {
        return false;
    }
    const bool is_refused =
        connect(socket, owner.get(), owner.size) == -1 && ngx_errno == NGX_ECONNREFUSED;
    (void)::close(socket);
    return is_refused;
}

bool listen_as_owner() noexcept {
    if (state == State::closed) {
        const int socket = make_socket();
        state = socket != -1 && watch(socket) ? State::open : State::failed;
        if (state == State::failed) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                          "ws: no socket for other workers: sessions resume in their own alone");
        }
    }
    return state == State::open;
}

}  // namespace ngx_ws

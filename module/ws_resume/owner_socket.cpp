#include "module/ws_resume/owner_socket.hpp"

#include "module/ws_resume/identity.hpp"
#include "module/ws_resume/remote_leg.hpp"
#include "module/ws_resume/rendezvous.hpp"

#include <sys/socket.h>

namespace ngx_ws {

namespace {

enum class State : uint8_t { closed, open, failed } state = State::closed;
OwnerSocket *the_sockets;

// After which it is tried again where the process lacks descriptors or the kernel memory.
constexpr ngx_msec_t pause = 100;

void on_connections(ngx_event_t *ev) {
    const auto *listener = static_cast<ngx_connection_t *>(ev->data);
    ev->timedout = 0;
    for (;;) {
        const int socket = accept4(listener->fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket == -1) {
            if (ngx_errno == NGX_EINTR || ngx_errno == NGX_ECONNABORTED) {
                continue;
            }
            if (ngx_errno == NGX_EAGAIN) {
                ev->ready = 0;
            } else {
                ngx_log_error(NGX_LOG_ERR, ev->log, ngx_errno, "ws: accept4() failed");
                ngx_add_timer(ev, pause);
            }
            break;
        }
        if (!is_one_of_us(socket) || !RemoteLeg::begin(socket, {})) {
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
bool watch(uint64_t worker, int socket) noexcept {
    auto *made = static_cast<OwnerSocket *>(ngx_alloc(sizeof(OwnerSocket), ngx_cycle->log));
    ngx_connection_t *c = made == nullptr ? nullptr : ngx_get_connection(socket, ngx_cycle->log);
    if (c == nullptr) {
        ngx_free(made);
        (void)::close(socket);
        return false;
    }
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->read->accept = 1;
    c->read->handler = on_connections;
    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_close_connection(c);
        ngx_free(made);
        return false;
    }
    *made = {.next = the_sockets, .worker = worker, .c = c, .is_wanted = false, .is_given = false};
    the_sockets = made;
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
        state = socket != -1 && watch(worker_number(), socket) ? State::open : State::failed;
        if (state == State::failed) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                          "ws: no socket for other workers: sessions resume in their own alone");
        }
    }
    return state == State::open;
}

OwnerSocket *owner_sockets() noexcept {
    return the_sockets;
}

bool listens_for(uint64_t worker) noexcept {
    bool does = worker == worker_number();
    each_owner_socket([&](const OwnerSocket &each) { does = does || each.worker == worker; });
    return does;
}

void listen_for(uint64_t worker, int socket) noexcept {
    if (listens_for(worker)) {
        (void)::close(socket);
    } else if (!watch(worker, socket)) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "ws: no connection for the socket of another worker: its sessions are lost");
    }
}

}  // namespace ngx_ws

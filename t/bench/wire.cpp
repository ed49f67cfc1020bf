#include "t/bench/wire.hpp"

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

namespace {

constexpr std::size_t largest_record = 16384;

// The session of the last connection, with which the next is resumed, as browsers do.
SSL_SESSION *last_session = nullptr;

int keep_session(SSL *, SSL_SESSION *session) {
    SSL_SESSION_free(std::exchange(last_session, session));
    return 1;
}

SSL_CTX *make_context() {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == nullptr) {
        fail("no TLS");
    }
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    return context;
}

SSL_CTX *context() {
    static SSL_CTX *const made = make_context();
    return made;
}

void wait_for(int socket, short events) {
    pollfd waiting = {socket, events, 0};
    (void)poll(&waiting, 1, -1);
}

}  // namespace

Wire::Wire(std::uint16_t port, bool tls) : socket_(connect_to(port)) {
    if (!tls) {
        return;
    }
    (void)fcntl(socket_, F_SETFL, O_NONBLOCK);
    tls_ = SSL_new(context());
    if (tls_ == nullptr || SSL_set_fd(tls_, socket_) != 1) {
        fail("no TLS connection");
    }
    if (last_session != nullptr) {
        SSL_set_session(tls_, last_session);
    }
    SSL_set_connect_state(tls_);
}

bool Wire::shake() {
    if (tls_ == nullptr) {
        return true;
    }
    const int result = SSL_do_handshake(tls_);
    const int error = SSL_get_error(tls_, result);
    if (result != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        fail("the handshake of TLS failed");
    }
    return result == 1;
}

void Wire::shake_at_last() {
    while (!shake()) {
        wait_for(socket_, POLLIN);
    }
}

std::ptrdiff_t Wire::send(std::span<const std::uint8_t> bytes) {
    if (tls_ == nullptr) {
        return send_now(socket_, bytes);
    }
    const int count = SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()));
    if (count > 0) {
        owed_ = 0;
        return count;
    }
    const int error = SSL_get_error(tls_, count);
    if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ) {
        return broken;
    }
    owed_ = std::min(bytes.size(), largest_record);
    return would_block;
}

std::ptrdiff_t Wire::receive(std::span<std::uint8_t> room) {
    if (tls_ == nullptr) {
        return receive_now(socket_, room);
    }
    std::size_t got = 0;
    while (got < room.size()) {
        const int count = SSL_read(tls_, room.data() + got, static_cast<int>(room.size() - got));
        if (count <= 0) {
            const int error = SSL_get_error(tls_, count);
            const bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
            const std::ptrdiff_t nothing = waits                            ? would_block
                                           : error == SSL_ERROR_ZERO_RETURN ? 0
                                                                            : broken;
            return got != 0 ? static_cast<std::ptrdiff_t>(got) : nothing;
        }
        got += static_cast<std::size_t>(count);
    }
    return static_cast<std::ptrdiff_t>(got);
}

bool Wire::has_more() const {
    return tls_ != nullptr && SSL_has_pending(tls_) == 1;
}

void Wire::send_all(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
        const std::ptrdiff_t count = send(bytes);
        if (count == broken) {
            fail("the server reset a connection");
        }
        if (count == would_block) {
            wait_for(socket_, POLLOUT);
        } else {
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
    }
}

std::ptrdiff_t Wire::receive_some(std::span<std::uint8_t> room) {
    std::ptrdiff_t count = receive(room);
    while (count == would_block) {
        wait_for(socket_, POLLIN);
        count = receive(room);
    }
    return count;
}

void Wire::finish() {
    if (tls_ != nullptr) {
        (void)SSL_shutdown(tls_);
    }
    (void)shutdown(socket_, SHUT_WR);
}

void Wire::close() {
    if (socket_ != -1) {
        SSL_free(std::exchange(tls_, nullptr));
        ::close(std::exchange(socket_, -1));
    }
}

}  // namespace bench

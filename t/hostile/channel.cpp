#include "t/hostile/channel.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hostile {

namespace {

SSL_SESSION *last_session;

int keep_session(SSL *, SSL_SESSION *session) {
    SSL_SESSION_free(last_session);
    last_session = session;
    return 1;
}

SSL_CTX *tls_context() {
    static SSL_CTX *const context = [] {
        SSL_CTX *made = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(made, keep_session);
        SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
        return made;
    }();
    return context;
}

[[noreturn]] void fail(const char *what) {
    std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
    std::exit(2);
}

void set_option(int socket, int level, int option, int value) {
    setsockopt(socket, level, option, &value, sizeof(value));
}

sockaddr_in loopback(std::uint32_t host, std::uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + host);
    return address;
}

// From many addresses, since the ports of one would run out.
int connect_from(std::uint64_t number, const ChannelOptions &options) {
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (made < 0) {
        fail("socket");
    }
    if (options.receive_buffer != 0) {
        set_option(made, SOL_SOCKET, SO_RCVBUF, static_cast<int>(options.receive_buffer));
    }
    set_option(made, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(made, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    const sockaddr_in from = loopback(static_cast<std::uint32_t>(number % 200), 0);
    const sockaddr_in to = loopback(0, options.port);
    if (bind(made, reinterpret_cast<const sockaddr *>(&from), sizeof(from)) != 0 ||
        connect(made, reinterpret_cast<const sockaddr *>(&to), sizeof(to)) != 0) {
        fail("connect");
    }
    return made;
}

}  // namespace

Channel::Channel(const ChannelOptions &options)
    : options_(options), socket_(connect_from(options.number, options)), breaker_(options.plan) {
    if (options_.tls) {
        begin_tls();
    }
}

Channel::~Channel() {
    close();
    SSL_free(tls_);
}

void Channel::begin_tls() {
    tls_ = SSL_new(tls_context());
    from_wire_ = BIO_new(BIO_s_mem());
    to_wire_ = BIO_new(BIO_s_mem());
    SSL_set_bio(tls_, from_wire_, to_wire_);
    SSL_set_connect_state(tls_);
    SSL_set_tlsext_host_name(tls_, "localhost");
    if (options_.plan.version_1_2) {
        SSL_set_max_proto_version(tls_, TLS1_2_VERSION);
    }
    if (options_.plan.resumes && last_session != nullptr) {
        SSL_set_session(tls_, last_session);
    }
    shake_hands();
}

void Channel::shake_hands() {
    const int done = SSL_do_handshake(tls_);
    if (done != 1 && SSL_get_error(tls_, done) != SSL_ERROR_WANT_READ) {
        ended_ = true;
    }
    ERR_clear_error();
    collect();
    if (done == 1) {
        encrypt();
    }
}

// What TLS has written, as the plan wants it.
void Channel::collect() {
    char *records = nullptr;
    const long size = BIO_get_mem_data(to_wire_, &records);
    breaker_.take({records, static_cast<std::size_t>(size)}, out_);
    (void)BIO_reset(to_wire_);
}

void Channel::encrypt() {
    std::string bytes = std::exchange(waiting_, {});
    for (std::string_view rest = bytes; !rest.empty();) {
        if (options_.plan.renews_keys && SSL_version(tls_) == TLS1_3_VERSION) {
            SSL_key_update(tls_, SSL_KEY_UPDATE_REQUESTED);
        }
        const int count = SSL_write(tls_, rest.data(), static_cast<int>(rest.size()));
        ERR_clear_error();
        if (count <= 0) {
            break;
        }
        rest.remove_prefix(static_cast<std::size_t>(count));
        if (std::exchange(options_.plan.early_goodbye, false)) {
            goodbye();
        }
        collect();
    }
    collect();
}

// Written by hand where data shall follow: the library would allow none.
void Channel::goodbye() {
    SSL_shutdown(tls_);
    ERR_clear_error();
    SSL_set_shutdown(tls_, 0);
}

void Channel::send(sim::Bytes bytes) {
    if (tls_ == nullptr) {
        out_ += sim::text(bytes);
        return;
    }
    waiting_ += sim::text(bytes);
    if (SSL_is_init_finished(tls_) != 0) {
        encrypt();
    }
}

void Channel::flush() {
    if (broken_ || socket_ < 0) {
        written_ = out_.size();
        waiting_.clear();
        return;
    }
    const std::size_t left = out_.size() - written_;
    const std::size_t size = options_.segment == 0 ? left : std::min(left, options_.segment);
    if (size == 0) {
        return;
    }
    const ssize_t count =
        ::send(socket_, out_.data() + written_, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) {
        broken_ = true;
        return;
    }
    written_ += count < 0 ? 0 : static_cast<std::size_t>(count);
    if (written_ == out_.size()) {
        out_.clear();
        written_ = 0;
    }
}

void Channel::receive(std::string &to) {
    static std::array<char, 65536> room;
    const ssize_t count = recv(socket_, room.data(), room.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count <= 0) {
        ended_ = true;
        reset_ = count < 0;
        return;
    }
    if (tls_ == nullptr) {
        to.append(room.data(), static_cast<std::size_t>(count));
        return;
    }
    BIO_write(from_wire_, room.data(), static_cast<int>(count));
    if (SSL_is_init_finished(tls_) == 0) {
        shake_hands();
    }
    for (int size = 1; size > 0;) {
        size = SSL_read(tls_, room.data(), room.size());
        to.append(room.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    }
    ERR_clear_error();
    collect();
}

void Channel::finish() {
    if (tls_ != nullptr && options_.plan.says_goodbye && SSL_is_init_finished(tls_) != 0) {
        goodbye();
        collect();
        flush();
    }
    shutdown(socket_, SHUT_WR);
}

void Channel::close() {
    if (socket_ >= 0) {
        ::close(std::exchange(socket_, -1));
    }
}

void Channel::reset() {
    const linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close();
}

}  // namespace hostile

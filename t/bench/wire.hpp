// The bytes of one connection of the load generator: over TCP, or over TLS.
#pragma once

#include "t/bench/sockets.hpp"

struct ssl_st;

namespace bench {

class Wire {
public:
    // Connects to a port of loopback. Over TLS the handshake stands out.
    Wire(std::uint16_t port, bool tls);
    Wire(Wire &&) = delete;
    ~Wire() { close(); }

    // Goes on with the handshake of TLS as far as it is possible without waiting. True: it is done.
    [[nodiscard]] bool shake();
    void shake_at_last();  // waits for it

    // As send_now() and receive_now(). Over TLS, bytes that would not go have to be offered again,
    // in the same place of the stream.
    [[nodiscard]] std::ptrdiff_t send(std::span<const std::uint8_t> bytes);
    [[nodiscard]] std::ptrdiff_t receive(std::span<std::uint8_t> room);
    // So many of them at least.
    [[nodiscard]] std::size_t owed() const { return owed_; }
    // There is more to be received of which the poller does not tell.
    [[nodiscard]] bool has_more() const;

    // Waits until all is sent, or something has come.
    void send_all(std::span<const std::uint8_t> bytes);
    [[nodiscard]] std::ptrdiff_t receive_some(std::span<std::uint8_t> room);

    void finish();  // our end
    void close();

    [[nodiscard]] int socket() const { return socket_; }

private:
    int socket_;
    ssl_st *tls_ = nullptr;
    std::size_t owed_ = 0;
};

}  // namespace bench

// A client's connection, with TLS or without: bytes in, bytes out, and the ways to end it.
#pragma once

#include "t/hostile/tls_plan.hpp"

#include <cstdint>
#include <memory>
#include <string>

#include <openssl/ssl.h>

namespace hostile {

struct ChannelOptions {
    std::uint16_t port;
    std::uint64_t number;            // chooses the address that it comes from
    std::size_t receive_buffer = 0;  // 0: as the kernel likes
    std::size_t segment = 0;         // at most so many bytes in one write; 0: no limit
    bool tls = false;
    TlsPlan plan = {};
};

class Channel {
public:
    explicit Channel(const ChannelOptions &options);
    ~Channel();
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    [[nodiscard]] int socket() const { return socket_; }

    // Queues bytes. Of them, flush() writes what is taken at once.
    void send(sim::Bytes bytes);
    void flush();
    [[nodiscard]] bool flushed() const { return written_ == out_.size() && waiting_.empty(); }
    [[nodiscard]] bool wants_to_write() const { return written_ < out_.size(); }

    // Appends what has come to `to`, at most about one buffer. Nothing at all may mean the end.
    void receive(std::string &to);

    // The gateway's end, or that of TLS.
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool was_reset() const { return reset_; }
    // Nothing more can be written.
    [[nodiscard]] bool broken() const { return broken_; }

    void finish();
    void close();
    void reset();

private:
    void begin_tls();
    void shake_hands();
    void encrypt();
    void goodbye();
    void collect();

    ChannelOptions options_;
    int socket_;
    std::string out_;          // for the wire
    std::size_t written_ = 0;  // of it
    std::string waiting_;      // for the TLS handshake
    bool ended_ = false;
    bool reset_ = false;
    bool broken_ = false;

    SSL *tls_ = nullptr;
    BIO *from_wire_ = nullptr;
    BIO *to_wire_ = nullptr;
    RecordBreaker breaker_;
};

}  // namespace hostile

// Messages between two workers, each with a descriptor or without one, over a unix socket.
#pragma once

#include "module/ngx.hpp"

#include <sys/socket.h>

#include <optional>

namespace ngx_ws {

// What is said when a worker leaves; see leaver.hpp. From it to its heir, and back.
enum class Says : uint8_t {
    hello,    // a Hello. An heir answers it by one of its own, or closes
    address,  // a worker's number, and the socket that listens for it
    session,  // a ws::HandedSession, and the backend's socket
    claim,    // what another worker says to the owner, and the socket on which it does
    taken,    // the session is the heir's
    refused,  // it is not
    // An heir that is told to go leaves to its own heir those who have left to it: the sockets that
    // listen for them, as by `address`, and then the connection to the one that they are from.
    other_address,
    other_link,
    // A session that the heir has taken is to end, as was ordered while it was on its way.
    end,
};

// What `end` says, and behind it, in words, why.
struct OrderedEnd {
    uint64_t home;  // the session's, and its number
    uint64_t number;
    uint64_t code;
};

// From where to where a message goes is known to both, so that it says what it is.
constexpr uint32_t parcel_version = 0x77730102;

// `descriptor`: -1 for none.
struct Parcel {
    Says says;
    int descriptor;
    std::span<uint8_t> bytes;
};

// One end of the connection. It has nothing to do with the connection's life.
class Parcels {
public:
    explicit Parcels(ngx_connection_t &c) noexcept : c_(&c) {}
    ~Parcels();
    Parcels(const Parcels &) = delete;
    Parcels &operator=(const Parcels &) = delete;

    // Memory for a message of so many bytes, which is the next to be sent; null if there is none.
    // `closes`: the descriptor is closed once it has gone, or cannot go.
    [[nodiscard]] uint8_t *prepare(Says says, size_t size, int descriptor, bool closes) noexcept;
    // Sends what there is, as much as can be sent now. False if nobody is there to take it.
    [[nodiscard]] bool send() noexcept;
    [[nodiscard]] bool is_sent() const noexcept { return first_ == nullptr; }
    // No message is on its way either way, as far as is known here.
    [[nodiscard]] bool is_at_rest() noexcept;

    // `broken`: the other is there, but cannot be understood, or there is no memory for it.
    enum class Came : uint8_t { parcel, later, end, broken };
    // The bytes and the descriptor of a parcel are the caller's until the next call; a descriptor
    // that is left in it then is closed.
    [[nodiscard]] Came take(Parcel &parcel) noexcept;
    // The other has said who it is: what it says may be long from now on.
    void trust() noexcept { most_ = most_bytes; }
    // The caller keeps the descriptor of what was taken last.
    void keep_descriptor() noexcept { descriptor_ = -1; }

private:
    // A session with all that is kept for both sides, many times over.
    static constexpr uint64_t most_bytes = uint64_t{1} << 30U;

    struct Head {
        uint32_t version;
        Says says;
        uint8_t has_descriptor;
        uint16_t nothing;
        uint64_t size;
    };
    struct Outgoing {
        Outgoing *next;
        int descriptor;  // -1 when it is sent
        bool closes;
        size_t size;  // all of what follows
        size_t sent;
    };

    [[nodiscard]] static uint8_t *bytes_of(Outgoing &out) noexcept {
        return reinterpret_cast<uint8_t *>(&out + 1);
    }
    static void close_descriptor(int &descriptor) noexcept;
    void drop_first() noexcept;
    [[nodiscard]] ssize_t send_some(const Outgoing &out) noexcept;
    [[nodiscard]] ssize_t receive_some(uint8_t *to, size_t size) noexcept;
    [[nodiscard]] std::optional<Came> fill(uint8_t *to, size_t size, size_t begin) noexcept;
    [[nodiscard]] bool is_sound() const noexcept;
    [[nodiscard]] uint8_t *room_for_body() noexcept;
    [[nodiscard]] bool keep_one(msghdr &message) noexcept;
    void forget_taken() noexcept;

    ngx_connection_t *c_;
    Outgoing *first_ = nullptr;
    Outgoing *last_ = nullptr;
    Head head_ = {};
    size_t got_ = 0;     // of the head, and then of the body
    uint8_t small_[32];  // the body, if that is enough: a Hello or an answer
    uint64_t most_ = sizeof(small_);
    uint8_t *body_ = nullptr;  // once the head is whole
    int descriptor_ = -1;      // that has come
    bool is_whole_ = false;    // it was given to the caller
};

}  // namespace ngx_ws

// One side's connection, as the relay between two of them sees it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace ws {

enum class Came : std::uint8_t {
    bytes,  // `size` of them, at least 1
    later,  // nothing yet; the driver is woken when there is more
    end,    // the peer ends its stream in order
    cut,    // the same, and TLS has said nothing of an end
    loss,   // the connection is broken: a reset
};

struct Read {
    Came came;
    std::size_t size = 0;
};

// What a connection took of some bytes. Fewer than all of them: the driver is woken when there is
// room again, or the connection is lost.
struct Written {
    std::size_t size;
    bool lost = false;
};

// Where bytes are read to that are to stand apart: places of `size` bytes, with `gap` bytes between
// each two. A place is begun when the one before is full.
struct Spacing {
    std::size_t size;
    std::size_t gap;

    // What so many bytes, not 0, take with the gaps among them; and how many fit.
    [[nodiscard]] constexpr std::size_t room_for(std::size_t bytes) const noexcept {
        return bytes + (bytes - 1) / size * gap;
    }
    [[nodiscard]] constexpr std::size_t most_in(std::size_t room) const noexcept {
        return room - std::min(room, room / (size + gap) * gap);
    }
};

// Driven by one thread. No call waits. Positions are bytes of payload since the beginning: what TLS
// or a kernel adds does not count. The functions are defined, and do nothing, only because a pure
// one would need the C++ run-time library.
class Endpoint {
public:
    // --- from the peer

    // Whether read() may bring anything else than `later`.
    [[nodiscard]] virtual bool readable() const noexcept { return false; }
    [[nodiscard]] virtual Read read(std::span<std::uint8_t>) noexcept { return {Came::later}; }
    // Reads into places, which begin at the front of `to` and end with it; the size that is told is
    // without the gaps. A connection that cannot do so reads into the first place alone.
    [[nodiscard]] virtual Read read_apart(std::span<std::uint8_t> to, Spacing places) noexcept {
        return read(to.first(std::min(to.size(), places.size)));
    }
    // Reads a stream of which only the end is of interest: the bytes mean nothing.
    [[nodiscard]] virtual Read discard(std::span<std::uint8_t> to) noexcept { return read(to); }
    // Whether write_header() and drain_pipe() work.
    [[nodiscard]] virtual bool takes_pipe() const noexcept { return false; }
    // Moves bytes that are there into the worker's pipe, if they are so many that it is worth it;
    // at most `most`. 0: read them instead.
    [[nodiscard]] virtual std::size_t fill_pipe(std::size_t) noexcept { return 0; }

    // --- to the peer

    // More is under way than the path holds: nothing should be taken for this connection until
    // that is less, and no event tells when.
    [[nodiscard]] virtual bool is_full() noexcept { return false; }
    // How many bytes, at most `most`, are worth taking for this connection now.
    [[nodiscard]] virtual std::size_t room(std::size_t most) noexcept { return most; }
    [[nodiscard]] virtual Written write(std::span<std::uint8_t> bytes) noexcept {
        return {bytes.size()};
    }
    // Writes bytes behind which a pipe's payload follows at once; they are not sent alone.
    [[nodiscard]] virtual Written write_header(std::span<std::uint8_t> bytes) noexcept {
        return write(bytes);
    }
    // Writes `size` bytes from the front of the worker's pipe.
    [[nodiscard]] virtual Written drain_pipe(std::size_t size) noexcept { return {size}; }
    // From now on no bound of ours counts: all that the kernel takes is written.
    virtual void lift_bounds() noexcept {}
    // Bytes written from now on go out together with the end that finish() makes.
    virtual void gather() noexcept {}
    // Ends this side of the stream behind all that was written. False if there is no room for that
    // yet: to be called again when the driver is woken.
    [[nodiscard]] virtual bool finish() noexcept { return true; }
    // Resets the connection, so that the peer does not take its stream for a whole one.
    virtual void abort() noexcept {}
    // Bytes for this connection are lost. What the peer said before can still be read, and then the
    // end, if `breaks`, which a lack of memory here is and the peer's own doing is not.
    virtual void lose(bool /*breaks*/) noexcept {}

    // The bytes written that the peer's transport is known to have.
    [[nodiscard]] virtual std::uint64_t acknowledged() noexcept { return 0; }
    // No more than that had arrived when it was last asked for.
    [[nodiscard]] virtual bool knows_exactly() const noexcept { return true; }
    // How far the connection has come, in bytes of whatever is on its wire: it grows as long as
    // anything moves.
    [[nodiscard]] virtual std::uint64_t moved() noexcept { return acknowledged(); }

    // Whether all that was written is acknowledged, our end included.
    [[nodiscard]] virtual bool drained() const noexcept { return false; }
    // Whether bytes have arrived that were not read.
    [[nodiscard]] virtual bool has_unread() const noexcept { return false; }
    // Whether a connection whose end was read is broken as well. It costs a system call; whether
    // an event has told of something since this was last asked does not. Where is_polled(), none
    // does.
    [[nodiscard]] virtual bool is_broken() const noexcept { return false; }
    [[nodiscard]] virtual bool may_have_broken() noexcept { return false; }
    [[nodiscard]] virtual bool is_polled() const noexcept { return false; }

protected:
    Endpoint() = default;
    ~Endpoint() = default;
};

}  // namespace ws

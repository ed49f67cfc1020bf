#include "t/bench/services.hpp"

#include "t/bench/handshake.hpp"
#include "t/bench/pattern.hpp"

#include "ngx_ws_filter/ws_frames/frame_writer.hpp"

#include <cstring>
#include <string_view>

#include <sys/socket.h>

namespace bench {

namespace {

// In front of what is read, for a header whose beginning came with the read before.
constexpr std::size_t headroom = 16;
constexpr std::size_t room = 262144;

std::array<std::uint8_t, headroom + room> scratch;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t *>(text.data()), text.size()};
}

}  // namespace

Session::Session(int accepted, const Listener &listener, Poller &poller, Report &totals)
    : Endpoint{accepted, false},
      listener_(listener),
      poller_(poller),
      totals_(totals),
      upgraded_(!listener.websocket) {
    poller_.add(socket, watched_, this);
    watch();
}

bool Session::serve() {
    if (!upgraded_ && !upgrade()) {
        return false;
    }
    if (upgraded_) {
        const bool alive = listener_.task == Task::source ? give() && receive() : receive();
        if (!alive) {
            return false;
        }
    }
    watch();
    return true;
}

// The request is peeked at first, so that what follows it stays in the kernel.
bool Session::upgrade() {
    const ssize_t count = recv(socket, scratch.data(), scratch.size(), MSG_PEEK | MSG_DONTWAIT);
    if (count <= 0) {
        return false;
    }
    const std::string_view head(reinterpret_cast<const char *>(scratch.data()),
                                static_cast<std::size_t>(count));
    const std::size_t end = head.find(end_of_head);
    if (end == std::string_view::npos) {
        return true;
    }
    (void)receive_now(socket, std::span{scratch}.first(end + end_of_head.size()));
    upgraded_ = true;
    return send(bytes_of(switching_protocols));
}

bool Session::receive() {
    if (listener_.task == Task::stall || !flush()) {
        return listener_.task == Task::stall;
    }
    if (!held_.empty()) {
        return true;
    }
    const std::ptrdiff_t count = receive_now(socket, std::span{scratch}.subspan(headroom));
    if (count == would_block) {
        return true;
    }
    if (count <= 0) {
        return false;
    }
    const auto bytes = std::span{scratch}.subspan(headroom, static_cast<std::size_t>(count));
    if (listener_.task == Task::control) {
        return send({reinterpret_cast<const std::uint8_t *>(&totals_), sizeof(totals_)});
    }
    if (listener_.websocket) {
        return take_frames(bytes) && !closed_;
    }
    take_payload(bytes);
    return listener_.task != Task::echo || send(bytes);
}

void Session::take_payload(std::span<const std::uint8_t> payload) {
    if (listener_.task == Task::sink && !matches_pattern(payload, taken_)) {
        ++totals_.wrong;
    }
    taken_ += payload.size();
    totals_.taken += payload.size();
}

// An echo is put together in place: a frame to the client is shorter than the one from it.
bool Session::take_frames(std::span<std::uint8_t> bytes) {
    std::uint8_t *const begin = scratch.data();
    std::uint8_t *end = begin;
    ws::ReadBuffer buffer{bytes.data(), bytes.data(), bytes.data() + bytes.size()};
    ws::Piece piece;
    while (!closed_ && frames_.next_in_place(buffer, piece) == ws::ReadStatus::piece) {
        if (piece.opcode == ws::Opcode::close) {
            closed_ = true;
            end += ws::write_control_frame(end, ws::Opcode::close, {});
        } else if (!ws::is_control(piece.opcode)) {
            take_payload(piece.payload);
            end = listener_.task == Task::echo ? echo(piece, end) : end;
        }
    }
    if (frames_.violation() != ws::Violation::none) {
        ++totals_.wrong;
    }
    return begin == end || send({begin, end});
}

// With the header of the whole frame in front of its first piece.
std::uint8_t *Session::echo(const ws::Piece &piece, std::uint8_t *to) {
    if (piece.starts_message) {
        const std::uint64_t length = piece.payload.size() + frames_.payload_left();
        std::array<std::uint8_t, ws::max_header_size> room;
        std::uint8_t *const header = ws::write_header_before(
            room.data() + room.size(), {.opcode = ws::Opcode::binary, .payload_length = length});
        to = std::copy(header, room.data() + room.size(), to);
    }
    std::memmove(to, piece.payload.data(), piece.payload.size());
    return to + piece.payload.size();
}

bool Session::give() {
    while (true) {
        const std::ptrdiff_t count =
            send_now(socket, listener_.messages.from(given_, Messages::longest_run));
        if (count < 0) {
            return count == would_block;
        }
        given_ += static_cast<std::uint64_t>(count);
        totals_.given += static_cast<std::uint64_t>(count);
    }
}

bool Session::send(std::span<const std::uint8_t> bytes) {
    const std::ptrdiff_t count = held_.empty() ? send_now(socket, bytes) : would_block;
    if (count == broken) {
        return false;
    }
    const auto rest = bytes.subspan(count == would_block ? 0 : static_cast<std::size_t>(count));
    held_.insert(held_.end(), rest.begin(), rest.end());
    return true;
}

bool Session::flush() {
    if (held_.empty()) {
        return true;
    }
    const std::ptrdiff_t count = send_now(socket, std::span{held_}.subspan(held_begin_));
    if (count < 0) {
        return count == would_block;
    }
    held_begin_ += static_cast<std::size_t>(count);
    if (held_begin_ == held_.size()) {
        held_.clear();
        held_begin_ = 0;
    }
    return true;
}

void Session::watch() {
    std::uint32_t wanted = EPOLLIN;
    if (upgraded_ && listener_.task == Task::stall) {
        wanted = 0;
    } else if (upgraded_ && listener_.task == Task::source) {
        wanted = EPOLLIN | EPOLLOUT;
    } else if (!held_.empty()) {
        wanted = EPOLLOUT;
    }
    if (wanted != watched_) {
        watched_ = wanted;
        poller_.change(socket, wanted, this);
    }
}

}  // namespace bench

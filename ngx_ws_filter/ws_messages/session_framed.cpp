// What a session with a framer sends.
#include "ngx_ws_filter/ws_messages/session.hpp"

#include <algorithm>
#include <cassert>

namespace ws {

// The room is twice what came, because a header takes two bytes where a message takes one at least,
// more of both the longer it is. Where text is repaired it is as much for what a message becomes,
// three bytes for one, and three more in which that is made. What is left over is for the parts
// that an earlier call began.
Session::Framed Session::wrap_messages(std::span<const std::uint8_t> bytes,
                                       std::span<std::uint8_t> room) noexcept {
    assert(framer_ != nullptr && bytes.size() <= max_framed(room.size(), repairs_));
    std::size_t size = 0;
    std::size_t payload = 0;
    Part part;
    while (fault_ == BackendFault::none) {
        const PartStatus status = framer_->next(bytes, part);
        if (status == PartStatus::need_more) {
            break;
        }
        if (status == PartStatus::fault) {
            fault_ = framer_->fault();
            break;
        }
        const std::size_t added = wrap_part(part, room.subspan(size), bytes.size());
        payload += added == 0 ? 0 : added - header_size_of(room.subspan(size));
        size += added;
    }
    return {.frames = room.first(size), .payload = payload, .fault = fault_};
}

Session::Framed Session::wrap_end(std::span<std::uint8_t> room) noexcept {
    assert(framer_ != nullptr && room.size() >= min_framed_room);
    std::size_t size = 0;
    Part part;
    if (fault_ == BackendFault::none && framer_->finish(part) == PartStatus::part) {
        size = wrap_part(part, room, 0);
    }
    if (fault_ == BackendFault::none) {
        fault_ = framer_->fault();
    }
    const std::size_t payload = size == 0 ? 0 : size - header_size_of(room);
    return {.frames = room.first(size), .payload = payload, .fault = fault_};
}

std::size_t Session::wrap_part(Part part, std::span<std::uint8_t> room,
                               std::size_t bytes_behind) noexcept {
    if (part.opcode == Opcode::continuation) {
        part.opcode = outgoing_;
    }
    std::span<std::uint8_t> space = room;
    if (part.opcode == Opcode::text && repairs_) {
        space = room.first(room.size() - Utf8Repair::max_size(part.payload.size()));
        repair_part(part, room.subspan(space.size()));
        if (part.payload.empty() && !part.starts_message && !part.ends_message) {
            return 0;
        }
    } else if (part.opcode == Opcode::text && !check_text(part) && part.payload.empty()) {
        return 0;
    }
    const std::span<std::uint8_t> deflated = deflate_part(part, space, bytes_behind);
    const std::size_t size = outgoing_compressed_ ? deflated.size() : part.payload.size();
    std::uint8_t *payload = room.data() + header_size(size);
    if (outgoing_compressed_) {
        std::copy(deflated.begin(), deflated.end(), payload);
    } else {
        std::copy(part.payload.begin(), part.payload.end(), payload);
    }
    (void)write_header_before(payload,
                              {.opcode = part.starts_message ? part.opcode : Opcode::continuation,
                               .fin = part.ends_message,
                               .compressed = part.starts_message && outgoing_compressed_,
                               .payload_length = size});
    ++frames_out_;
    return header_size(size) + size;
}

// Unlike messages, fragments may end inside a code point. Returns whether the text is good; if not,
// the message does not end.
bool Session::check_text(Part &part) noexcept {
    if (part.starts_message) {
        outgoing_text_.reset();
    }
    const bool taken = outgoing_text_.take(part.payload);
    part.payload = part.payload.first(outgoing_text_.valid());
    if (taken && (!part.ends_message || outgoing_text_.complete())) {
        return true;
    }
    part.ends_message = false;
    fault_ = BackendFault::text_not_utf8;
    return false;
}

// Fragments of repaired text never cut a code point.
void Session::repair_part(Part &part, std::span<std::uint8_t> room) noexcept {
    std::size_t size = repair_.take(part.payload, room).size();
    if (part.ends_message) {
        size += repair_.finish(room.subspan(size)).size();
    }
    part.payload = room.first(size);
}

// Behind the place of the longest header. Whether a message is compressed is decided by its first
// part: yes if it may grow as much as it can, and the room is still enough for what comes behind.
std::span<std::uint8_t> Session::deflate_part(const Part &part, std::span<std::uint8_t> room,
                                              std::size_t bytes_behind) noexcept {
    constexpr std::size_t enough_behind = min_framed_room / 4;
    const std::span<std::uint8_t> to = room.subspan(std::min(max_header_size, room.size()));
    if (!part.starts_message) {
        return outgoing_compressed_ ? compression_->deflate_on(part.payload, to, part.ends_message)
                                    : std::span<std::uint8_t>{};
    }
    outgoing_compressed_ = false;
    const std::size_t behind = growth(repairs_) * bytes_behind + enough_behind;
    if (compression_ == nullptr || part.payload.empty() ||
        Deflater::max_size(part.payload.size()) + behind > to.size()) {
        return {};
    }
    const std::span<std::uint8_t> deflated =
        compression_->deflate(part.payload, to, part.ends_message);
    outgoing_compressed_ = !deflated.empty();
    return deflated;
}

}  // namespace ws

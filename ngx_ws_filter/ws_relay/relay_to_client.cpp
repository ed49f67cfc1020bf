// The way from the backend to the client.
#include "ngx_ws_filter/ws_relay/relay.hpp"

#include <utility>

namespace ws {
namespace {

// A read of so much is the beginning of a flood.
constexpr std::size_t least_flood = 32 * 1024;

}  // namespace

void Relay::pump_to_client(Millis now) noexcept {
    download_.wait_no_more();
    for (unsigned reads = 0;; ++reads) {
        to_client_.flush();
        if (is_parting()) {
            return;
        }
        const bool speaks = resume_ != nullptr && may_speak();
        const bool joins = speaks && ack_joins(reads, now);
        if (speaks && !joins) {
            send_commands(false, now);
        }
        if (session_->anything_due() && !to_client_.blocked()) {
            send_due(now);
        }
        const Use use = tunnel_.use_of_backend();
        const bool waits = use == Use::relay && (to_client_.blocked() || waits_for_client());
        if (use == Use::leave || waits || !backend_->readable() ||
            paced(download_, use, 1, now) == 0) {
            return;
        }
        if (reads == max_reads) {
            host_->come_back();
            return;
        }
        if ((use == Use::relay && is_full(to_client_, now)) || !read_backend(now)) {
            if (joins && may_speak()) {
                send_commands(false, now);
            }
            return;
        }
    }
}

// An ACK that is due goes out together with what is read next, if anything is there to be read.
bool Relay::ack_joins(unsigned reads, Millis now) noexcept {
    if (reads == max_reads || to_client_.blocked() || !backend_->readable() ||
        tunnel_.use_of_backend() != Use::relay || waits_for_client() ||
        paced(download_, Use::relay, 1, now) == 0) {
        return false;
    }
    if (resume_->should_ask(now, true)) {
        ask_for_client(now);
    }
    return resume_->join_ack(now);
}

bool Relay::read_backend(Millis now) noexcept {
    const Use use = tunnel_.use_of_backend();
    const bool relays = use == Use::relay;
    if (relays && floods_ && resume_ == nullptr && splice_backend(now)) {
        return true;
    }
    const Scratch &scratch = host_->scratch();
    const std::size_t before = resume_ == nullptr ? 0 : ResumeTranslator::ack_size;
    // What is dropped needs no room in a replay.
    const std::size_t most = relays ? translator_->most(scratch) : scratch.received.size();
    const std::span<std::uint8_t> room =
        scratch.wrapped.subspan(before + Session::headroom, paced(download_, use, most, now));
    const Read read = read_backend_for(use, room);
    if (read.came == Came::later) {
        return false;
    }
    if (read.came != Came::bytes) {
        on_backend_end(read.came, now);
        return false;
    }
    download_.took(read.size);
    floods_ = resume_ != nullptr ? read.size >= resume_->places().size
                                 : read.size >= least_flood && translator_->passes_bytes() &&
                                       client_->takes_pipe();
    if (relays) {
        take_from_backend(room.first(read.size), now);
    } else {
        tunnel_.swallowed(read.size);
    }
    return true;
}

// Of a flood as much is read at once as there is room for, so that each DATA has its place. Before
// that a read fills one at most.
Read Relay::read_backend_for(Use use, std::span<std::uint8_t> room) noexcept {
    if (use != Use::relay && to_backend_.finished()) {
        return backend_->discard(room);
    }
    if (resume_ == nullptr) {
        return backend_->read(room);
    }
    const Spacing places = resume_->places();
    if (!floods_ || room.size() <= places.size) {
        return backend_->read(room.first(std::min(room.size(), places.size)));
    }
    return backend_->read_apart({room.data(), places.room_for(room.size())}, places);
}

// What a flood has ready at once becomes one message whose payload is never copied.
bool Relay::splice_backend(Millis now) noexcept {
    const std::size_t most = paced(download_, Use::relay, translator_->most(host_->scratch()), now);
    const std::size_t size = backend_->fill_pipe(most);
    if (size == 0) {
        return false;
    }
    download_.took(size);
    bytes_out_ += size;
    std::array<std::uint8_t, max_header_size> room;
    to_client_.forward(session_->wrap_elsewhere(size, room), size);
    tunnel_.took_for_client(now);
    return true;
}

void Relay::take_from_backend(std::span<std::uint8_t> received, Millis now) noexcept {
    bytes_out_ += received.size();
    const std::string_view fault =
        send_kept(translator_->wrap(received, host_->scratch()), Side::gateway, now);
    tunnel_.took_for_client(now);
    if (!fault.empty()) {
        tunnel_.backend_ended(now, fault);  // as far as anybody can go on with it
    }
}

// What the client has not answered is said on the next leg, too: then the fault is left to whoever
// has called, to be told on each.
std::string_view Relay::send_kept(Frames frames, Side at_fault, Millis now) noexcept {
    const bool tells_again = resume_ != nullptr && resume_->is_kept();
    const std::string_view fault =
        tells_again ? std::exchange(frames.fault, {}) : std::string_view{};
    send(frames, at_fault, now);
    note_memory(now);
    return fault;
}

void Relay::send(const Frames &frames, Side at_fault, Millis now) noexcept {
    if (!frames.bytes.empty()) {
        to_client_.write(frames.bytes, frames.payload);
    }
    if (!frames.fault.empty()) {
        tunnel_.close(at_fault, CloseCode::internal_error, frames.fault, now);
    }
}

void Relay::send_due(Millis now) noexcept {
    // A client that could come back learns before the Close how far its bytes have come.
    if (resume_ != nullptr && session_->close_due()) {
        send_commands(true, now);
    }
    std::array<std::uint8_t, Session::max_due_size> frames;
    const std::size_t size = session_->write_due(frames);
    to_client_.write(std::span{frames}.first(size), 0);
}

void Relay::on_backend_end(Came came, Millis now) noexcept {
    if (came == Came::loss || to_backend_.lost() ||
        (tunnel_.needs_backend() && backend_->is_broken())) {
        lose_backend(now);
        return;
    }
    if (came == Came::cut) {
        translator_->cut();
    }
    std::string_view fault;
    if (tunnel_.use_of_backend() == Use::relay) {
        fault = send_kept(translator_->end(host_->scratch()), Side::backend, now);
    }
    if (came == Came::cut) {
        tunnel_.backend_cut(now, fault);
    } else {
        tunnel_.backend_ended(now, fault);
    }
    if (resume_ != nullptr && may_speak()) {
        send_commands(false, now);
    }
}

void Relay::lose_backend(Millis now) noexcept {
    to_backend_.lose();
    upload_.set_rate(0, now);
    read_what_is_left(now);
    tunnel_.backend_lost(now);
}

// What our kernel has already taken from the client is undelivered too. It is read in order to be
// counted; the client's Close may be found in it.
void Relay::read_what_is_left(Millis now) noexcept {
    for (unsigned reads = 0; reads < max_reads && tunnel_.use_of_client() != Use::leave; ++reads) {
        if (rest_.waits()) {
            take_from_client(rest_.bytes(), now);
        } else if (!client_->readable() || !read_client(now)) {
            return;
        }
    }
}

}  // namespace ws

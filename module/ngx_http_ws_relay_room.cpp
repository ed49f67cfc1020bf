// The relay of a session whose data does not leave as it came, because it is inflated or framed.
// What comes out of a read can be much more than went in: it is written a buffer at a time, and the
// rest of the read waits.
#include "module/ngx_http_ws_deflate.hpp"
#include "module/ngx_http_ws_framing.hpp"
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

bool Relay::has_rest() const noexcept {
    return rest_.waits();
}

void Relay::take_by_room(std::span<uint8_t> received) noexcept {
    if (!closing() && deflation_ != nullptr && !deflation_->lend_inflater()) {
        close_without_memory();
    }
    if (closing()) {
        drop_frames(received);
        return;
    }
    ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
    const bool waits = fill_room(buffer);
    if (deflation_ != nullptr) {
        deflation_->take_back();
    }
    if (framing_ != nullptr) {
        framing_->take_back();
    }
    const std::span<uint8_t> rest{buffer.unread, buffer.end};
    if (!waits) {
        rest_.clear();
    } else if (!rest_.keep(rest)) {
        close_without_memory();
        drop_frames(rest);
    }
}

// Returns whether something has to wait. The room is one scratch buffer, at whose end the pongs
// that are due meanwhile gather.
bool Relay::fill_room(ws::ReadBuffer &buffer) noexcept {
    const std::span<uint8_t> space = scratch().from_backend.first(scratch().from_client.size());
    const std::span<uint8_t> answers = scratch().from_backend.subspan(space.size());
    const uint64_t offset = to_backend_.ledger().taken();
    const size_t held = held_in_framing();
    const auto reached = [&](const ws::Room &room) {
        const size_t ahead = framing_ == nullptr ? 0 : framing_->held_in_stream();
        return offset + static_cast<uint64_t>(room.filled - space.data()) + ahead;
    };
    size_t answered = 0;

    ws::Room room{space.data(), space.data() + space.size()};
    ws::Event event;
    do {
        event = session_.receive(buffer, room);
        on_event(event, reached(room));
        if (event == ws::Event::ping && !to_client_.blocked()) {
            answered += session_.write_due(answers.subspan(answered));
            if (answers.size() - answered < ws::max_control_frame) {
                to_client_.write_control(answers.first(std::exchange(answered, 0)));
            }
        }
        if (event == ws::Event::memory_full && !framing_->lend()) {
            close_without_memory();
            break;
        }
    } while (event != ws::Event::exhausted && event != ws::Event::room_full);

    write_to_backend({space.data(), room.filled});
    if (held_in_framing() > held) {
        moved_ = ngx_current_msec;
    }
    if (answered != 0) {
        to_client_.write_control(answers.first(answered));
    }
    return event != ws::Event::exhausted;
}

// A session that is ending waits only for the client's Close.
void Relay::drop_frames(std::span<uint8_t> received) noexcept {
    const uint64_t offset = to_backend_.ledger().taken() + dropped_;
    ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
    for (ws::Event event; (event = session_.drop_data(buffer)) != ws::Event::exhausted;) {
        on_event(event, offset + static_cast<uint64_t>(buffer.packed - received.data()));
    }
    dropped_ += static_cast<uint64_t>(buffer.packed - received.data());
    rest_.clear();
}

void Relay::close_without_memory() noexcept {
    begin_close(ClosedBy::gateway, ws::CloseCode::try_again_later, "gateway has no memory");
    cut_ = true;
}

size_t Relay::held_in_framing() const noexcept {
    return framing_ == nullptr ? 0 : framing_->held();
}

size_t Relay::max_payload() const noexcept {
    const size_t size = scratch().from_client.size();
    if (framing_ != nullptr) {
        return ws::Session::max_framed(size, repairs_text(*conf_));
    }
    if (session_.repairs_text()) {
        return ws::Utf8Repair::max_taken(ws::Session::max_payload(size / 2));
    }
    return deflation_ == nullptr ? size : ws::Session::max_payload(size);
}

ws::Session::Wrapped Relay::wrap(std::span<uint8_t> payload) noexcept {
    std::span<uint8_t> room = scratch().from_client;
    if (session_.repairs_text()) {
        const size_t half = room.size() / 2;
        payload = session_.repair(payload, room.subspan(half));
        room = room.first(half);
        if (payload.empty()) {
            return {.frame = {}, .valid = true};
        }
    }
    if (deflation_ == nullptr || payload.size() > ws::Session::max_payload(room.size())) {
        return session_.wrap(payload);
    }
    deflation_->lend_deflater();
    const ws::Session::Wrapped wrapped = session_.wrap(payload, room);
    deflation_->take_back();
    return wrapped;
}

// Nothing received is what stands at the end of the stream.
void Relay::take_framed(std::span<uint8_t> received) noexcept {
    if (deflation_ != nullptr) {
        deflation_->lend_deflater();
    }
    const std::span<uint8_t> room = scratch().from_client;
    const ws::Session::Framed framed =
        received.empty() ? session_.wrap_end(room) : session_.wrap_messages(received, room);
    if (deflation_ != nullptr) {
        deflation_->take_back();
    }
    if (!framed.frames.empty()) {
        to_client_.write(framed.frames);
        send_marker();
    }
    if (framed.fault != ws::BackendFault::none) {
        begin_close(received.empty() ? ClosedBy::backend : ClosedBy::gateway,
                    ws::CloseCode::internal_error, ws::words(framed.fault));
    }
}

}  // namespace ngx_ws

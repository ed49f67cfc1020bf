// The relay of a session with compression, where what comes out of a read can be much more than
// went in: it is written a buffer at a time, and the rest of the read waits.
#include "module/ngx_http_ws_deflate.hpp"
#include "module/ngx_http_ws_relay.hpp"

namespace ngx_ws {

bool Relay::has_rest() const noexcept {
    return deflation_ != nullptr && deflation_->has_rest();
}

size_t Relay::max_payload() const noexcept {
    const size_t size = scratch().from_client.size();
    return deflation_ == nullptr ? size : ws::Session::max_payload(size);
}

void Relay::take_compressed(std::span<uint8_t> received) noexcept {
    const std::span<uint8_t> rest = inflate_frames(received);
    if (!deflation_->set_rest(rest)) {
        begin_close(ClosedBy::gateway, ws::CloseCode::try_again_later, "gateway has no memory");
        drop_frames(rest);
    }
}

void Relay::take_rest() noexcept {
    (void)deflation_->set_rest(inflate_frames(deflation_->rest()));
}

// Returns what has to wait because the room was full. Data is inflated into one scratch buffer, at
// whose end the pongs that are due meanwhile gather.
std::span<uint8_t> Relay::inflate_frames(std::span<uint8_t> received) noexcept {
    if (!closing() && !deflation_->lend_inflater()) {
        begin_close(ClosedBy::gateway, ws::CloseCode::try_again_later, "gateway has no memory");
    }
    if (closing()) {
        drop_frames(received);
        return {};
    }
    const std::span<uint8_t> space = scratch().from_backend.first(scratch().from_client.size());
    const std::span<uint8_t> answers = scratch().from_backend.subspan(space.size());
    const uint64_t offset = to_backend_.ledger().taken();
    size_t answered = 0;

    ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
    ws::Room room{space.data(), space.data() + space.size()};
    ws::Event event;
    do {
        event = session_.receive(buffer, room);
        on_event(event, offset + static_cast<uint64_t>(room.filled - space.data()));
        if (event == ws::Event::ping && !to_client_.blocked()) {
            answered += session_.write_due(answers.subspan(answered));
            if (answers.size() - answered < ws::max_control_frame) {
                to_client_.write(answers.first(std::exchange(answered, 0)));
            }
        }
    } while (event != ws::Event::exhausted && event != ws::Event::room_full);
    deflation_->take_back();

    write_to_backend({space.data(), room.filled});
    if (answered != 0) {
        to_client_.write(answers.first(answered));
    }
    return {buffer.unread, buffer.end};
}

// Of a session that ends only its Close is waited for.
void Relay::drop_frames(std::span<uint8_t> received) noexcept {
    const uint64_t offset = to_backend_.ledger().taken();
    ws::ReadBuffer buffer{received.data(), received.data(), received.data() + received.size()};
    for (ws::Event event; (event = session_.drop_data(buffer)) != ws::Event::exhausted;) {
        on_event(event, offset);
    }
}

ws::Session::Wrapped Relay::wrap(std::span<uint8_t> payload) noexcept {
    if (deflation_ == nullptr || payload.size() > max_payload()) {
        return session_.wrap(payload);
    }
    deflation_->lend_deflater();
    const ws::Session::Wrapped wrapped = session_.wrap(payload, scratch().from_client);
    deflation_->take_back();
    return wrapped;
}

}  // namespace ngx_ws

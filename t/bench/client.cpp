#include "t/bench/client.hpp"

#include "t/bench/handshake.hpp"

#include <string>

namespace bench {

namespace {

std::array<std::uint8_t, 262144> scratch;

}  // namespace

std::string upgrade_request(const Options &options) {
    return "GET " + options.path +
           " HTTP/1.1\r\n"
           "Host: localhost\r\n"
           "Upgrade: websocket\r\n"
           "Connection: Upgrade\r\n"
           "Sec-WebSocket-Key: " +
           std::string(sample_key) +
           "\r\n"
           "Sec-WebSocket-Version: 13\r\n" +
           (options.resume ? "Sec-WebSocket-Protocol: " + std::string(resume_name) + "\r\n" : "") +
           "\r\n";
}

void shake_hands(Wire &wire, const Options &options) {
    const std::string request = upgrade_request(options);
    wire.send_all({reinterpret_cast<const std::uint8_t *>(request.data()), request.size()});
    std::string answer;
    while (!answer.ends_with(end_of_head)) {
        std::uint8_t byte = 0;
        if (wire.receive_some({&byte, 1}) != 1) {
            fail("no answer to the handshake: %s", answer.c_str());
        }
        answer += static_cast<char>(byte);
    }
    if (answer.find(" 101 ") == std::string::npos ||
        answer.find(sample_accept) == std::string::npos) {
        fail("handshake refused: %s", answer.c_str());
    }
}

Client::Client(const Options &options)
    : wire_(options.port, options.tls), websocket_(options.websocket), resume_(options.resume) {
    wire_.shake_at_last();
    if (websocket_) {
        shake_hands(wire_, options);
    }
}

bool Client::receive() {
    bool any = receive_once();
    while (any && wire_.has_more()) {
        any = receive_once();
    }
    if (resume_ && sent_ == allowed_) {
        acknowledge();
    }
    return any;
}

void Client::acknowledge() {
    if (ack_left_ == 0 && received_ - acknowledged_ >= ack_interval) {
        ack_ = ack_frame(received_);
        ack_left_ = ack_.size();
        acknowledged_ = received_;
    }
    while (ack_left_ != 0) {
        const std::ptrdiff_t count = wire_.send(std::span{ack_}.last(ack_left_));
        if (count <= 0) {
            return;
        }
        ack_left_ -= static_cast<std::size_t>(count);
    }
}

bool Client::receive_once() {
    const std::ptrdiff_t count = wire_.receive(scratch);
    if (count == would_block) {
        return false;
    }
    if (count <= 0) {
        fail("the server closed a connection after %llu bytes",
             static_cast<unsigned long long>(received_));
    }
    const auto bytes = std::span{scratch}.first(static_cast<std::size_t>(count));
    if (!websocket_) {
        take_payload(bytes);
        return true;
    }
    take_frames(bytes);
    return true;
}

void Client::take_frames(std::span<std::uint8_t> bytes) {
    ws::ReadBuffer buffer{bytes.data(), bytes.data(), bytes.data() + bytes.size()};
    ws::Piece piece;
    ws::ReadStatus status = frames_.next_in_place(buffer, piece);
    for (; status == ws::ReadStatus::piece; status = frames_.next_in_place(buffer, piece)) {
        if (piece.opcode == ws::Opcode::close) {
            fail("the server sent a Close");
        }
        if (ws::is_control(piece.opcode)) {
            continue;
        }
        if (piece.starts_message) {
            commands_.begin_frame();
        }
        take_payload(resume_ ? commands_.data(piece.payload) : piece.payload);
    }
    if (status == ws::ReadStatus::violation) {
        fail("the server broke a rule: %s", words(frames_.violation()).data());
    }
}

void Client::take_payload(std::span<const std::uint8_t> payload) {
    if (!matches_pattern(payload, received_)) {
        fail("wrong payload near byte %llu", static_cast<unsigned long long>(received_));
    }
    received_ += payload.size();
}

void Client::allow(const Messages &messages, std::uint64_t count) {
    allowed_ += count * messages.wire_size();
    (void)flush(messages);
}

bool Client::flush(const Messages &messages) {
    if (ack_left_ != 0) {
        acknowledge();
    }
    while (sent_ < allowed_ && ack_left_ == 0) {
        const std::ptrdiff_t count = wire_.send(messages.from(sent_, allowed_ - sent_));
        if (count == would_block) {
            return false;
        }
        if (count == broken) {
            fail("the server reset a connection after %llu bytes",
                 static_cast<unsigned long long>(sent_));
        }
        sent_ += static_cast<std::uint64_t>(count);
    }
    return sent_ == allowed_;
}

void Client::stop_after_message(const Messages &messages) {
    const std::uint64_t size = messages.wire_size();
    allowed_ = (sent_ + wire_.owed() + size - 1) / size * size;
}

}  // namespace bench

#include "t/sim/client.hpp"

#include "ngx_ws_filter/ws_messages/utf8.hpp"

using namespace std::string_view_literals;

namespace sim {

Client::Client(Random &random, const Judge &judge, const ClientOptions &options)
    : random_(random),
      judge_(judge),
      options_(options),
      script_(write_script(random, options.dialect)) {
    inflateInit2(&inflater_, -15);
}

Client::~Client() {
    inflateEnd(&inflater_);
}

void Client::turn(Pipe &to_server, Pipe &from_server) {
    if (reset_) {
        return;
    }
    if (!stopped_) {
        send(to_server);
    }
    if (stopped_ && options_.resets && script_.end == End::vanishes && random_.one_in(4)) {
        reset_ = true;
        to_server.reset();
        from_server.reset();
        return;
    }
    unread_ += from_server.read(random_.size(40'000));
    while (take_frame()) {
    }
    if (from_server.ended() && !read_end_) {
        read_end_ = true;
        judge_.require(unread_.empty() || script_.end == End::vanishes || options_.server_may_break,
                       "the server ends between two frames");
        to_server.shut();
        stopped_ = true;
    }
}

void Client::send(Pipe &to_server) {
    if (sending_.empty()) {
        next_frame();
    }
    sending_.erase(0, to_server.write(sending_));
    if (!sending_.empty()) {
        return;
    }
    const bool ran_out = next_frame_ == script_.frames.size() && script_.end == End::vanishes;
    if (ran_out && !waits()) {
        to_server.shut();
        stopped_ = true;
    }
}

// Pongs go between the frames of the script.
void Client::next_frame() {
    if (close_.has_value()) {
        // A client answers a Close at once; what it had not sent by then it never sends.
        if (!sent_close_) {
            sending_ = masked_frame(random_, 0x88, close_->substr(0, 2));
            sent_close_ = true;
        }
        return;
    }
    if (!pongs_.empty() && !sent_close_) {
        sending_ = masked_frame(random_, 0x8a, next_pong());
        return;
    }
    if (next_frame_ < script_.frames.size() && !waits()) {
        sending_ = script_.frames[next_frame_];
        ++next_frame_;
        sent_close_ = sent_close_ || (sending_[0] & 0xf) == 8;
    }
}

// Now and then one comes late, behind newer ones, or again, or answers no ping that there was.
std::string Client::next_pong() {
    const std::size_t at = random_.one_in(4) ? pongs_.size() - 1 : 0;
    std::string payload = pongs_[at];
    if (random_.one_in(10)) {
        switch (random_.below(3)) {
            case 0:
                payload[0] |= 0x40;  // of the number
                break;
            case 1:
                payload[4] |= 0x40;  // of the offset
                break;
            default:
                payload += 'x';
        }
        return payload;
    }
    if (!random_.one_in(8)) {
        pongs_.erase(pongs_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    return payload;
}

bool Client::waits() const {
    return next_frame_ >= script_.frames_before_end && received_.size() < wanted_;
}

bool Client::take_frame() {
    if (unread_.size() < 2) {
        return false;
    }
    const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(unread_[i]); };
    judge_.require((byte(0) & 0xb0U) == 0x80 && byte(1) <= 127, "whole messages, not masked");
    std::uint64_t size = byte(1);
    std::size_t header = 2;
    if (size >= 126) {
        const std::uint64_t shortest = size == 126 ? 126 : 0x10000;
        header += size == 126 ? 2 : 8;
        if (unread_.size() < header) {
            return false;
        }
        size = 0;
        for (std::size_t i = 2; i < header; ++i) {
            size = size << 8U | byte(i);
        }
        judge_.require(size >= shortest, "lengths are in their shortest form");
    }
    if (unread_.size() - header < size) {
        return false;
    }
    const unsigned first_byte = byte(0);
    std::string payload = unread_.substr(header, size);
    unread_.erase(0, header + size);
    read_ += (first_byte & 0x8U) == 0 ? header + size : 0;
    take(first_byte, std::move(payload));
    return true;
}

void Client::take(unsigned first_byte, std::string payload) {
    judge_.require(!close_.has_value(), "nothing comes behind a Close");
    const bool compressed = (first_byte & 0x40U) != 0;
    switch (first_byte & 0xfU) {
        case 0x1:
        case 0x2:
            judge_.require(options_.takes_text == ((first_byte & 0xfU) == 1), "the agreed type");
            judge_.require(!compressed || options_.dialect.compression, "compression was agreed");
            take_data(compressed, std::move(payload));
            return;
        case 0x8:
            judge_.require(!compressed && payload.size() <= 125, "a good Close");
            close_ = std::move(payload);
            return;
        case 0x9:
            judge_.require(!compressed && payload.size() <= 125, "a good ping");
            // Only the last ping needs an answer (RFC 6455, section 5.5.3): those before it may be
            // lost.
            if (random_.one_in(3)) {
                pongs_.clear();
            }
            pongs_.push_back(std::move(payload));
            return;
        case 0xa:
            judge_.require(!compressed, "a good pong");
            take_pong(payload);
            return;
        default:
            judge_.require(false, "a known opcode");
    }
}

void Client::take_data(bool compressed, std::string payload) {
    if (compressed) {
        if (!options_.server_takeover) {
            inflateReset(&inflater_);
        }
        payload += "\x00\x00\xff\xff"sv;
        std::string message(200'000, '\0');
        inflater_.next_in = reinterpret_cast<Bytef *>(payload.data());
        inflater_.avail_in = static_cast<uInt>(payload.size());
        inflater_.next_out = reinterpret_cast<Bytef *>(message.data());
        inflater_.avail_out = static_cast<uInt>(message.size());
        const int result = inflate(&inflater_, Z_SYNC_FLUSH);
        judge_.require(result == Z_OK && inflater_.avail_in == 0, "the message inflates");
        message.resize(message.size() - inflater_.avail_out);
        payload = std::move(message);
    }
    if (options_.takes_text) {
        ws::Utf8Validator validator;
        const bool valid = validator.take(bytes(payload));
        judge_.require(valid && validator.complete(), "each message is whole text");
    }
    received_ += payload;
}

// The answer to the first ping with this payload that may still be answered.
void Client::take_pong(const std::string &payload) {
    std::size_t number = answered_;
    while (number < script_.pings.size() && script_.pings[number].payload != payload) {
        ++number;
    }
    judge_.require(number < script_.pings.size(), "a pong answers a ping, in order and once");
    answered_ = number + 1;
}

}  // namespace sim

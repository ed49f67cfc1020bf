#include "t/sim/leg_client.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sim {
namespace {

constexpr unsigned binary = 0x2;
constexpr unsigned close = 0x8;
constexpr unsigned ping = 0x9;
constexpr unsigned pong = 0xa;
constexpr unsigned displaced = 4002;
constexpr unsigned come_back_code = 4004;
constexpr std::uint64_t min_most = ws::max_data;
constexpr std::uint64_t max_most = ws::max_long_data;

[[nodiscard]] std::uint64_t big_endian(std::string_view text) {
    std::uint64_t value = 0;
    for (const char byte : text) {
        value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
}

[[nodiscard]] std::string number(std::uint64_t value, std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[size - 1 - i] = static_cast<char>(value >> 8U * i);
    }
    return text;
}

}  // namespace

LegClient::LegClient(Random &random, const Judge &judge, std::string up, std::string_view down)
    : random_(random),
      judge_(judge),
      up_(std::move(up)),
      down_(down),
      wish_(random.one_in(8) ? Wish::never_returns
                             : random.one_of({Wish::ends, Wish::half_closes, Wish::waits_for_end})),
      cuts_left_(1 + random.below(60)),
      cut_odds_(20 + random.size(2'000)) {
}

std::uint64_t LegClient::come_back() {
    sending_.clear();
    pong_.reset();
    got_.clear();
    greeting_ = 0;
    most_data_ = ws::max_data;
    most_to_come_ = 0;
    first_leg_ = false;
    said_end_ = false;
    heard_end_ = false;
    closing_ = false;
    left_ = false;
    echoes_ = false;
    // What was not acknowledged may be thrown away, and comes again.
    if (random_.one_in(3)) {
        received_ = acknowledged_;
    }
    acknowledged_ = received_;
    return received_;
}

void LegClient::turn(Pipe &out, Pipe &in, std::uint64_t /*now*/) {
    if (left_ || over_) {
        return;
    }
    got_ += in.read(1 + random_.size(40'000));
    read_frames();
    if (in.ended() || in.is_reset() || out.is_reset()) {
        left_ = !over_;
        return;
    }
    write(out);
    // It loses its network, closes its lid, or wants to be elsewhere.
    if (!over_ && cuts_left_ != 0 && random_.one_in(cut_odds_)) {
        --cuts_left_;
        left_ = true;
        const bool for_good = wish_ == Wish::never_returns || sid_.empty();
        if (for_good || random_.one_in(2)) {
            out.reset();
            in.reset();
        }
    }
}

// --- what it says

void LegClient::write(Pipe &out) {
    if (sending_.empty()) {
        sending_ = next_frame();
    }
    sending_.erase(0, out.write(std::string_view(sending_).substr(0, 1 + random_.size(40'000))));
}

std::string LegClient::command(ws::Tag tag, std::uint64_t value) {
    return masked_frame(random_, 0x80U | binary,
                        number(static_cast<std::uint64_t>(tag), 2) + number(value, 8));
}

std::string LegClient::next_frame() {
    if (pong_.has_value() && !closing_) {
        const std::string payload = *std::exchange(pong_, std::nullopt);
        return masked_frame(random_, 0x80U | pong, payload);
    }
    const bool greeted = greeting_ >= (first_leg_ ? 2U : 3U);
    if (!greeted || closing_) {
        return {};
    }
    if (echoes_) {
        echoes_ = false;
        return masked_frame(random_, 0x80U | binary,
                            number(static_cast<std::uint64_t>(ws::Tag::new_sid), 2) +
                                number(sid_.size(), 4) + sid_);
    }
    if (random_.one_in(40)) {
        return longest();
    }
    if (received_ > acknowledged_ && random_.one_in(3)) {
        acknowledged_ = received_;
        return command(ws::Tag::ack, acknowledged_);
    }
    if (random_.one_in(200)) {
        return command(ws::Tag::ack, acknowledged_);  // a question
    }
    if (sent_ < up_.size() && sent_ < told_ + window_) {
        return next_data();
    }
    if (sent_ < up_.size()) {
        return {};
    }
    if (wish_ == Wish::half_closes && !said_end_) {
        said_end_ = true;
        return command(ws::Tag::eof, sent_);
    }
    const bool ends = wish_ == Wish::ends ? received_ == down_.size() : heard_end_;
    if (ends) {
        closing_ = true;
        return masked_frame(random_, 0x80U | close, number(3999, 2));
    }
    return {};
}

// It takes longer DATA on this leg, or other ones than it said before.
std::string LegClient::longest() {
    const std::uint64_t most = random_.size(100'000);
    most_to_come_ = std::max(most_to_come_, std::clamp(most, min_most, max_most));
    return masked_frame(random_, 0x80U | binary,
                        number(static_cast<std::uint64_t>(ws::Tag::longest), 2) + number(most, 4));
}

std::string LegClient::next_data() {
    const std::uint64_t most =
        std::min<std::uint64_t>({most_data_, up_.size() - sent_, told_ + window_ - sent_});
    const std::string data = up_.substr(sent_, 1 + random_.size(most - 1));
    sent_ += data.size();
    most_sent_ = std::max(most_sent_, sent_);
    return masked_frame(
        random_, 0x80U | binary,
        number(static_cast<std::uint64_t>(ws::Tag::data), 2) + number(data.size(), 4) + data);
}

// --- what it hears

void LegClient::read_frames() {
    for (;;) {
        if (got_.size() < 2) {
            return;
        }
        const unsigned second = static_cast<unsigned char>(got_[1]);
        const std::size_t header = second < 126 ? 2 : second == 126 ? 4 : 10;
        judge_.require((static_cast<unsigned char>(got_[0]) & 0xf0U) == 0x80 && second < 128,
                       "each command is one frame, not masked");
        if (got_.size() < header) {
            return;
        }
        const std::uint64_t size =
            second < 126 ? second : big_endian(std::string_view(got_).substr(2, header - 2));
        if (got_.size() - header < size) {
            return;
        }
        const std::string payload = got_.substr(header, size);
        const unsigned opcode = static_cast<unsigned char>(got_[0]) & 0xfU;
        got_.erase(0, header + size);
        take(opcode, payload);
    }
}

void LegClient::take(unsigned opcode, std::string_view payload) {
    judge_.require(!code_.has_value() || over_, "nothing comes behind a Close");
    if (opcode == close) {
        take_close(payload);
    } else if (opcode == ping) {
        pong_ = payload;
    } else {
        judge_.require(opcode == binary, "commands are binary");
        take_command(payload);
    }
}

void LegClient::take_close(std::string_view payload) {
    const auto code = static_cast<unsigned>(big_endian(payload.substr(0, 2)));
    if (code == displaced || code == come_back_code) {
        left_ = true;
        return;
    }
    code_ = code;
    reason_ = payload.substr(2);
    over_ = true;
    if (wish_ == Wish::waits_for_end) {
        judge_.require(code != 1000 || heard_end_, "EOF stands in front of a clean end");
    }
}

void LegClient::take_command(std::string_view payload) {
    judge_.require(payload.size() >= 2, "a command has a tag");
    const auto tag = static_cast<ws::Tag>(big_endian(payload.substr(0, 2)));
    const std::string_view body = payload.substr(2);
    if (greeting_ < (first_leg_ ? 2U : 4U)) {
        take_greeting(tag, body);
        return;
    }
    switch (tag) {
        case ws::Tag::data:
            take_data(body);
            break;
        case ws::Tag::ack:
            judge_.require(big_endian(body) >= told_, "ACKs do not go back");
            told_ = big_endian(body);
            judge_.require(told_ <= most_sent_, "nothing is acknowledged that was not sent");
            break;
        case ws::Tag::eof:
            judge_.require(big_endian(body) == received_ && received_ == down_.size(),
                           "the stream ends where it ends");
            heard_end_ = true;
            break;
        case ws::Tag::limits:
            take_limits(body);
            break;
        default:
            judge_.require(false, "it is a command of the gateway");
    }
}

// CONNECT_SUCCESS, LIMITS; or RECONNECT_SUCCESS, LIMITS, NEW_SID, ACK.
void LegClient::take_greeting(ws::Tag tag, std::string_view body) {
    const ws::Tag first = first_leg_ ? ws::Tag::connect_success : ws::Tag::reconnect_success;
    const std::array order{first, ws::Tag::limits, ws::Tag::new_sid, ws::Tag::ack};
    judge_.require(tag == order[greeting_], "the greeting is in order");
    ++greeting_;
    switch (tag) {
        case ws::Tag::reconnect_success: {
            const std::uint64_t taken = big_endian(body);
            judge_.require(told_ <= taken && taken <= most_sent_, "what was taken can be true");
            sent_ = taken;
            break;
        }
        case ws::Tag::limits:
            take_limits(body);
            break;
        case ws::Tag::new_sid:
            sid_ = body.substr(4);
            echoes_ = random_.one_in(2);
            break;
        case ws::Tag::ack:
            judge_.require(big_endian(body) >= told_, "ACKs do not go back");
            told_ = big_endian(body);
            break;
        default:
            sid_ = body.substr(4);
            break;
    }
}

void LegClient::take_limits(std::string_view body) {
    const std::string_view tail = body.substr(16 + big_endian(body.substr(12, 4)));
    replay_ = big_endian(body.substr(0, 4));
    window_ = big_endian(tail.substr(0, 4));
    judge_.require(tail.size() == 12 || (tail.size() == 16 && most_to_come_ != 0),
                   "the longest DATA is told to those alone who have told theirs");
    most_data_ = tail.size() == 16 ? big_endian(tail.substr(12, 4)) : ws::max_data;
}

void LegClient::take_data(std::string_view body) {
    const std::string_view data = body.substr(4);
    judge_.require(data.size() == big_endian(body.substr(0, 4)) &&
                       data.size() <= std::max<std::uint64_t>(most_to_come_, min_most),
                   "DATA says how long it is");
    judge_.require(!heard_end_, "nothing comes behind EOF");
    judge_.require(down_.substr(received_, data.size()) == data,
                   "no byte is lost, doubled or moved on its way to the client");
    received_ += data.size();
    judge_.require(received_ - acknowledged_ <= replay_, "no more is under way than LIMITS say");
}

}  // namespace sim

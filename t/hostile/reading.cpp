#include "t/hostile/reading.hpp"

#include "t/fuzz/utf8_reference.hpp"

namespace hostile {

namespace {

enum Opcode : unsigned { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

[[nodiscard]] unsigned at(const std::string &bytes, std::size_t place) {
    return static_cast<std::uint8_t>(bytes[place]);
}

[[nodiscard]] bool may_be_sent(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

}  // namespace

Reading::Reading(const Place &place, bool compression, bool takeover)
    : place_(place), compression_(compression), takeover_(takeover) {
    if (compression) {
        decompressor_ = std::make_unique<Decompressor>();
    }
}

void Reading::take(sim::Bytes bytes) {
    while (!bytes.empty() && !owed_) {
        if (left_ == 0) {
            header_ += static_cast<char>(bytes[0]);
            bytes = bytes.subspan(1);
            if (header_complete()) {
                begin_frame();
            }
            continue;
        }
        const std::size_t size = std::min<std::uint64_t>(left_, bytes.size());
        take_payload(bytes.first(size));
        bytes = bytes.subspan(size);
    }
}

// What is wrong in a byte is told before the next one has come.
bool Reading::header_complete() {
    const unsigned opcode = at(header_, 0) & 0xfU;
    const bool control = opcode >= close;
    if (header_.size() == 1) {
        const unsigned first = at(header_, 0);
        const bool rsv1_fits = compression_ && !control && opcode != continuation;
        if ((first & 0x30U) != 0 || ((first & 0x40U) != 0 && !rsv1_fits) ||
            (opcode > binary && opcode < close) || opcode > pong ||
            (control && (first & 0x80U) == 0) ||
            (!control && (opcode == continuation) != in_message_)) {
            break_rule(1002);
        }
        return false;
    }
    if (header_.size() == 2 &&
        ((at(header_, 1) & 0x80U) == 0 || (control && (at(header_, 1) & 0x7fU) > 125))) {
        break_rule(1002);
        return false;
    }
    const unsigned length = at(header_, 1) & 0x7fU;
    const std::size_t extended = length < 126 ? 0 : (length == 126 ? 2 : 8);
    if (header_.size() == 2 + extended) {
        check_length(extended);
    }
    return header_.size() == 2 + extended + 4;
}

// A message that is not compressed is as long as its headers say.
void Reading::check_length(std::size_t extended) {
    length_ = extended == 0 ? at(header_, 1) & 0x7fU : 0;
    for (std::size_t i = 0; i < extended; ++i) {
        length_ = length_ << 8U | at(header_, 2 + i);
    }
    const unsigned opcode = at(header_, 0) & 0xfU;
    const bool goes_on = opcode == continuation;
    const bool compressed = goes_on ? compressed_ : (at(header_, 0) & 0x40U) != 0;
    const std::uint64_t most = place_.max_message;
    const std::uint64_t before = goes_on ? std::min(most, claimed_) : 0;
    if ((extended == 2 && length_ < 126) || (extended == 8 && length_ < 65536) ||
        length_ >> 63U != 0) {
        break_rule(1002);
    } else if (opcode < close && !compressed && most != 0 && length_ > most - before) {
        break_rule(1009);
    }
}

void Reading::begin_frame() {
    left_ = length_;
    opcode_ = at(header_, 0) & 0xfU;
    fin_ = (at(header_, 0) & 0x80U) != 0;
    key_ = header_.substr(header_.size() - 4);
    key_at_ = 0;
    const bool compressed = (at(header_, 0) & 0x40U) != 0;
    header_.clear();
    control_.clear();
    if (opcode_ < close) {
        if (opcode_ != continuation) {
            in_message_ = true;
            text_ = opcode_ == text;
            compressed_ = compressed;
            claimed_ = 0;
            message_at_ = text_checked_ = payload_.size();
        }
        claimed_ += left_;
    }
    if (left_ == 0 && !owed_) {
        end_frame();
    }
}

void Reading::take_payload(sim::Bytes bytes) {
    std::string plain(bytes.size(), '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        plain[i] = static_cast<char>(bytes[i] ^ at(key_, key_at_++ % 4));
    }
    left_ -= bytes.size();
    if (opcode_ >= close) {
        control_ += plain;
    } else {
        take_data(sim::bytes(plain));
    }
    if (left_ == 0 && !owed_) {
        end_frame();
    }
}

void Reading::take_data(sim::Bytes bytes) {
    if (blurred_) {
        return;
    }
    if (compressed_) {
        blurred_ = !decompressor_->take(bytes, payload_, place_.max_message + 1);
    } else {
        payload_ += sim::text(bytes);
    }
    check_text(false);
    check_size();
}

void Reading::end_frame() {
    if (opcode_ == close) {
        end_close();
    } else if (opcode_ == ping) {
        pings_.push_back(control_);
    } else if (opcode_ < close && fin_) {
        in_message_ = false;
        if (compressed_ && !blurred_) {
            blurred_ = !decompressor_->end_message(payload_, place_.max_message + 1);
            if (!takeover_) {
                decompressor_->forget();
            }
        }
        check_text(true);
        check_size();
    }
}

void Reading::end_close() {
    const fuzz::Bytes reason =
        sim::bytes(control_).subspan(std::min<std::size_t>(2, control_.size()));
    const fuzz::Utf8Judgement judged = fuzz::judge_utf8(reason);
    if (control_.empty()) {
        owed_ = 0;
    } else if (control_.size() == 1 || !may_be_sent(at(control_, 0) << 8U | at(control_, 1))) {
        break_rule(1002);
    } else if (judged.valid != reason.size() || judged.pending != 0) {
        break_rule(1007);
    } else {
        owed_ = at(control_, 0) << 8U | at(control_, 1);
    }
}

void Reading::check_text(bool ends) {
    if (!text_ || blurred_ || owed_) {
        return;
    }
    const fuzz::Bytes all = sim::bytes(payload_);
    const fuzz::Utf8Judgement judged = fuzz::judge_utf8(all.subspan(text_checked_));
    if (text_checked_ + judged.valid < all.size() || (ends && judged.pending != 0)) {
        // In a compressed message the gateway may be told of its end first.
        blurred_ = compressed_;
        payload_.resize(text_checked_ + judged.valid);
        break_rule(1007);
        return;
    }
    text_checked_ += judged.valid - judged.pending;
}

void Reading::check_size() {
    if (!owed_ && compressed_ && place_.max_message != 0 &&
        payload_.size() - message_at_ > place_.max_message) {
        break_rule(1009);
    }
}

void Reading::break_rule(unsigned code) {
    owed_ = code;
    broken_ = true;
}

}  // namespace hostile

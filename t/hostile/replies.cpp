#include "t/hostile/replies.hpp"

#include "t/fuzz/utf8_reference.hpp"

#include <strings.h>
#include <charconv>

namespace hostile {

namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr unsigned close_opcode = 8;
constexpr unsigned ping_opcode = 9;
constexpr std::size_t no_limit = std::size_t{1} << 40;

[[nodiscard]] unsigned at(std::string_view bytes, std::size_t place) {
    return static_cast<std::uint8_t>(bytes[place]);
}

[[nodiscard]] std::uint64_t number(std::string_view digits) {
    std::uint64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

// What a server may say to a browser, and what it may hand back to a client.
[[nodiscard]] bool may_be_sent(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

}  // namespace

void Replies::take(sim::Bytes bytes) {
    unread_ += sim::text(bytes);
    while (!unread_.empty() && fault_ == nullptr) {
        const std::size_t before = unread_.size();
        const State state = state_;
        switch (state_) {
            case State::head:
                take_head();
                break;
            case State::body:
                take_body();
                break;
            case State::frames:
                if (!take_frame()) {
                    return;
                }
                break;
            case State::ignored:
                unread_.clear();
                break;
        }
        if (unread_.size() == before && state_ == state) {
            return;
        }
    }
}

std::string_view Replies::field(std::string_view name) const {
    for (std::string_view rest = head_; !rest.empty();) {
        const std::size_t size = std::min(rest.find("\r\n"), rest.size());
        const std::string_view line = rest.substr(0, size);
        rest.remove_prefix(std::min(size + 2, rest.size()));
        if (line.size() > name.size() + 1 && line[name.size()] == ':' &&
            strncasecmp(line.data(), name.data(), name.size()) == 0) {
            return line.substr(std::min(name.size() + 2, line.size()));
        }
    }
    return {};
}

void Replies::take_head() {
    static constexpr std::string_view begin = "HTTP/1.1 ";
    const std::size_t known = std::min(begin.size(), unread_.size());
    if (unread_.substr(0, known) != begin.substr(0, known)) {
        // The answer to HTTP/0.9, for one.
        confused_ = true;
        state_ = State::ignored;
        return;
    }
    const std::size_t end = unread_.find(head_end);
    if (end == std::string::npos) {
        return;
    }
    if (unread_.starts_with("HTTP/1.1 100 ")) {
        unread_.erase(0, end + head_end.size());
        return;
    }
    confused_ = confused_ || status_ != 0;
    head_ = unread_.substr(0, end + 2);
    unread_.erase(0, end + head_end.size());
    status_ = static_cast<unsigned>(number(std::string_view(head_).substr(begin.size(), 3)));
    if (status_ == 101) {
        begin_frames();
        return;
    }
    if (status_ < 200 || status_ > 599) {
        wrong("a status that is none");
    }
    body_left_ = number(field("Content-Length"));
    state_ = field("Content-Length").empty() ? State::ignored : State::body;
}

void Replies::take_body() {
    const std::size_t size = std::min<std::uint64_t>(body_left_, unread_.size());
    unread_.erase(0, size);
    body_left_ -= size;
    if (body_left_ == 0) {
        state_ = State::head;
    }
}

void Replies::begin_frames() {
    state_ = State::frames;
    const std::string_view agreed = field("Sec-WebSocket-Extensions");
    if (!agreed.empty()) {
        decompressor_ = std::make_unique<Decompressor>();
        takeover_ = agreed.find("server_no_context_takeover") == std::string_view::npos;
    }
}

const char *Replies::broken_by(unsigned first, unsigned second) const {
    const unsigned opcode = first & 0xfU;
    const bool control = opcode >= close_opcode;
    if (close_) {
        return "a frame behind the Close";
    }
    if ((second & 0x80U) != 0) {
        return "a masked frame";
    }
    if ((first & 0x30U) != 0) {
        return "an RSV bit";
    }
    if ((first & 0x40U) != 0 && (decompressor_ == nullptr || control || opcode == 0)) {
        return "RSV1";
    }
    if ((opcode > 2 && opcode < close_opcode) || opcode > 10) {
        return "an opcode that is none";
    }
    if (control && ((first & 0x80U) == 0 || (second & 0x7fU) > 125)) {
        return "a control frame that is fragmented or too long";
    }
    if (!control && (opcode == 0) != in_message_) {
        return "a fragment that fits nothing";
    }
    return nullptr;
}

bool Replies::take_frame() {
    if (unread_.size() < 2) {
        return false;
    }
    const unsigned first = at(unread_, 0);
    if (const char *why = broken_by(first, at(unread_, 1)); why != nullptr) {
        wrong(why);
        return false;
    }
    const unsigned length = at(unread_, 1) & 0x7fU;
    const std::size_t extended = length < 126 ? 0 : (length == 126 ? 2 : 8);
    if (unread_.size() < 2 + extended) {
        return false;
    }
    std::uint64_t size = extended == 0 ? length : 0;
    for (std::size_t i = 0; i < extended; ++i) {
        size = size << 8U | at(unread_, 2 + i);
    }
    if ((extended == 2 && size < 126) || (extended == 8 && size < 65536) || size > no_limit) {
        wrong("a length that is not minimal");
        return false;
    }
    if (unread_.size() - 2 - extended < size) {
        return false;
    }
    const std::string payload = unread_.substr(2 + extended, size);
    unread_.erase(0, 2 + extended + size);
    if ((first & 0xfU) >= close_opcode) {
        take_control(first & 0xfU, payload);
    } else {
        take_message(first, sim::bytes(payload));
    }
    return true;
}

void Replies::take_message(unsigned first, sim::Bytes payload) {
    if (!in_message_) {
        text_ = (first & 0xfU) == 1;
        compressed_ = (first & 0x40U) != 0;
        text_checked_ = payload_.size();
    }
    const bool ends = (first & 0x80U) != 0;
    in_message_ = !ends;
    if (!compressed_) {
        payload_ += sim::text(payload);
    } else if (!decompressor_->take(payload, payload_, no_limit) ||
               (ends && !decompressor_->end_message(payload_, no_limit))) {
        wrong("a message that does not inflate");
    } else if (ends && !takeover_) {
        decompressor_->forget();
    }
    check_text(ends);
}

void Replies::check_text(bool ends) {
    if (text_) {
        const fuzz::Bytes rest = sim::bytes(payload_).subspan(text_checked_);
        const fuzz::Utf8Judgement judged = fuzz::judge_utf8(rest);
        if (judged.valid != rest.size() || (ends && judged.pending != 0)) {
            wrong("text that is not UTF-8");
        }
        text_checked_ = payload_.size() - judged.pending;
    }
}

void Replies::take_control(unsigned opcode, std::string_view payload) {
    if (opcode == close_opcode) {
        take_close(payload);
    } else if (opcode == ping_opcode) {
        pings_.emplace_back(payload);
    } else {
        pongs_.emplace_back(payload);
    }
}

void Replies::take_close(std::string_view payload) {
    close_ = payload.size() < 2 ? 0 : at(payload, 0) << 8U | at(payload, 1);
    const fuzz::Bytes reason =
        sim::bytes(payload).subspan(std::min<std::size_t>(2, payload.size()));
    const fuzz::Utf8Judgement judged = fuzz::judge_utf8(reason);
    if (payload.size() == 1 || (*close_ != 0 && !may_be_sent(*close_))) {
        wrong("a close code that must not be sent");
    } else if (judged.valid != reason.size() || judged.pending != 0) {
        wrong("a close reason that is not UTF-8");
    }
}

void Replies::wrong(const char *why) {
    fault_ = fault_ == nullptr ? why : fault_;
}

}  // namespace hostile

#include "ngx_ws_filter/ws_resume/resume_request.hpp"

#include "ngx_ws_filter/ws_handshake/ascii.hpp"

#include <algorithm>
#include <optional>

namespace ws {
namespace {

// The decoded characters of a value, one after another.
class Decoder {
public:
    explicit Decoder(std::string_view encoded) noexcept : rest_(encoded) {}

    [[nodiscard]] bool done() const noexcept { return rest_.empty(); }

    // Nothing if a percent sign has no two digits behind it.
    [[nodiscard]] std::optional<char> next() noexcept {
        const char first = rest_.front();
        if (first != '%') {
            rest_.remove_prefix(1);
            return first;
        }
        const int high = rest_.size() > 2 ? digit(rest_[1]) : -1;
        const int low = rest_.size() > 2 ? digit(rest_[2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        rest_.remove_prefix(3);
        return static_cast<char>(high * 16 + low);
    }

private:
    [[nodiscard]] static int digit(char c) noexcept {
        if (is_digit(c)) {
            return c - '0';
        }
        const char lower = to_lower(c);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
    }

    std::string_view rest_;
};

// Values of one name.
struct Found {
    std::string_view value;
    unsigned count = 0;
};

[[nodiscard]] Found find(std::string_view query, std::string_view name) noexcept {
    Found found;
    while (!query.empty()) {
        std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const std::size_t size = std::min(pair.find('='), pair.size());
        if (pair.substr(0, size) == name) {
            pair.remove_prefix(std::min(size + 1, pair.size()));
            found.value = pair;
            ++found.count;
        }
    }
    return found;
}

// Empty if it is none.
[[nodiscard]] std::string_view decode_sid(std::string_view encoded, SidRoom &room) noexcept {
    std::size_t size = 0;
    for (Decoder decoder(encoded); !decoder.done();) {
        const std::optional<char> c = decoder.next();
        if (!c || *c < 0x21 || *c > 0x7e || size == room.size()) {
            return {};
        }
        room[size] = *c;
        ++size;
    }
    return {room.data(), size};
}

[[nodiscard]] bool read_ack(std::string_view encoded, std::uint64_t &ack) noexcept {
    ack = 0;
    for (Decoder decoder(encoded); !decoder.done();) {
        const std::optional<char> c = decoder.next();
        if (!c || !is_digit(*c)) {
            return false;
        }
        const auto digit = static_cast<std::uint64_t>(*c - '0');
        if (ack > (max_position - digit) / 10) {
            return false;
        }
        ack = ack * 10 + digit;
    }
    return !encoded.empty();
}

}  // namespace

ResumeRequest read_resume_request(std::string_view query, SidRoom &room) noexcept {
    const Found sid = find(query, "sid");
    const Found ack = find(query, "ack");
    ResumeRequest request{.resumes = sid.count != 0, .sid = {}, .ack = 0, .has_ack = false};
    if (sid.count == 1 && ack.count <= 1) {
        request.sid = decode_sid(sid.value, room);
    }
    request.has_ack = read_ack(ack.value, request.ack);
    return request;
}

}  // namespace ws

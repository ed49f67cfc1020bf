#include "ngx_ws_filter/ws_compression/deflate_offer.hpp"

#include <algorithm>
#include <array>

#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ws {
namespace {

namespace names {
constexpr std::string_view extension = "permessage-deflate";
constexpr std::string_view server_no_takeover = "server_no_context_takeover";
constexpr std::string_view client_no_takeover = "client_no_context_takeover";
constexpr std::string_view server_bits = "server_max_window_bits";
constexpr std::string_view client_bits = "client_max_window_bits";
}  // namespace names

constexpr unsigned max_bits = 15;
constexpr unsigned min_server_bits = 9;  // what zlib can do

// The value of a parameter, with its quotes resolved. No value that is legal here has more than two
// characters; the rest of a longer one is only counted.
struct Value {
    std::array<char, 2> text{};
    std::size_t size = 0;

    void add(char c) noexcept {
        if (size < text.size()) {
            text[size] = c;
        }
        ++size;
    }
};

struct Parameter {
    std::string_view name;
    bool has_value = false;
    Value value;
};

// One extension of the list: its name, then its parameters.
class ExtensionReader {
public:
    explicit ExtensionReader(std::string_view element) noexcept : rest_(element) {}

    // Empty if there is none.
    [[nodiscard]] std::string_view token() noexcept;

    // False at the end, and where the grammar is broken; it is not called again.
    [[nodiscard]] bool next(Parameter &parameter) noexcept;
    [[nodiscard]] bool malformed() const noexcept { return malformed_; }

private:
    [[nodiscard]] bool read(Parameter &parameter) noexcept;
    [[nodiscard]] bool read_value(Value &value) noexcept;
    [[nodiscard]] bool read_quoted(Value &value) noexcept;
    [[nodiscard]] bool skip(char c) noexcept;

    std::string_view rest_;
    bool malformed_ = false;
};

[[nodiscard]] bool is_token_character(char c) noexcept {
    return is_token({&c, 1});
}

std::string_view ExtensionReader::token() noexcept {
    rest_ = trim(rest_);
    const auto *end = std::find_if_not(rest_.begin(), rest_.end(), is_token_character);
    const std::string_view token{rest_.begin(), end};
    rest_.remove_prefix(token.size());
    return token;
}

// Blanks around the separators are what RFC 6455 has of RFC 2616, section 2.1.
bool ExtensionReader::skip(char c) noexcept {
    rest_ = trim(rest_);
    if (rest_.empty() || rest_.front() != c) {
        return false;
    }
    rest_.remove_prefix(1);
    return true;
}

bool ExtensionReader::next(Parameter &parameter) noexcept {
    rest_ = trim(rest_);
    if (rest_.empty()) {
        return false;
    }
    malformed_ = !read(parameter);
    return !malformed_;
}

bool ExtensionReader::read(Parameter &parameter) noexcept {
    parameter = {};
    if (!skip(';')) {
        return false;
    }
    parameter.name = token();
    parameter.has_value = skip('=');
    return !parameter.name.empty() && (!parameter.has_value || read_value(parameter.value));
}

bool ExtensionReader::read_value(Value &value) noexcept {
    if (skip('"')) {
        return read_quoted(value);
    }
    for (const char c : token()) {
        value.add(c);
    }
    return value.size != 0;
}

// What is quoted must be a token all the same: RFC 6455, section 9.1.
bool ExtensionReader::read_quoted(Value &value) noexcept {
    while (!rest_.empty() && rest_.front() != '"') {
        if (rest_.front() == '\\') {
            rest_.remove_prefix(1);
        }
        if (rest_.empty() || !is_token_character(rest_.front())) {
            return false;
        }
        value.add(rest_.front());
        rest_.remove_prefix(1);
    }
    return value.size != 0 && skip('"');
}

// The number without leading zeros, or 0 if it is none of 8 to 15.
[[nodiscard]] unsigned window_bits(const Value &value) noexcept {
    const auto [first, second] = value.text;
    if (value.size == 1 && (first == '8' || first == '9')) {
        return static_cast<unsigned>(first - '0');
    }
    if (value.size == 2 && first == '1' && second >= '0' && second <= '5') {
        return 10 + static_cast<unsigned>(second - '0');
    }
    return 0;
}

[[nodiscard]] bool set(bool &flag) noexcept {
    const bool first = !flag;
    flag = true;
    return first;
}

// What one offer asks for.
struct Offer {
    bool server_no_takeover = false;
    bool client_no_takeover = false;
    bool has_server_bits = false;
    bool has_client_bits = false;
    unsigned server_bits = max_bits;
    unsigned client_bits = max_bits;

    // Returns whether the offer can be kept so far.
    [[nodiscard]] bool take(const Parameter &parameter) noexcept;
};

bool Offer::take(const Parameter &parameter) noexcept {
    if (parameter.name == names::server_no_takeover) {
        return !parameter.has_value && set(server_no_takeover);
    }
    if (parameter.name == names::client_no_takeover) {
        return !parameter.has_value && set(client_no_takeover);
    }
    if (parameter.name == names::server_bits) {
        server_bits = window_bits(parameter.value);
        return set(has_server_bits) && server_bits >= min_server_bits;
    }
    if (parameter.name == names::client_bits) {
        client_bits = parameter.has_value ? window_bits(parameter.value) : max_bits;
        return set(has_client_bits) && client_bits != 0;
    }
    return false;
}

// Returns whether the element is good grammar; `keep` tells whether it is an offer to be kept.
[[nodiscard]] bool read_offer(std::string_view element, Offer &offer, bool &keep) noexcept {
    ExtensionReader reader(element);
    const std::string_view name = reader.token();
    keep = name == names::extension;
    for (Parameter parameter; reader.next(parameter);) {
        keep = keep && offer.take(parameter);
    }
    return !name.empty() && !reader.malformed();
}

// The first offer of the line that can be kept. Returns whether there is one.
[[nodiscard]] bool find_offer(std::string_view line, Offer &found) noexcept {
    bool any = false;
    ListReader list(line);
    for (std::string_view element; list.next(element);) {
        Offer offer;
        bool keep = false;
        if (!read_offer(element, offer, keep)) {
            return false;
        }
        if (keep && !any) {
            found = offer;
            any = true;
        }
    }
    return any;
}

class Answer {
public:
    explicit Answer(std::span<char> room) noexcept : room_(room) {}

    void add(std::string_view text) noexcept {
        std::copy(text.begin(), text.end(), room_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += text.size();
    }

    void add(bool wanted, std::string_view name) noexcept {
        if (wanted) {
            add("; ");
            add(name);
        }
    }

    void add(bool wanted, std::string_view name, unsigned bits) noexcept {
        if (!wanted) {
            return;
        }
        add(wanted, name);
        add(bits < 10 ? "=" : "=1");
        const char digit = static_cast<char>('0' + bits % 10);
        add({&digit, 1});
    }

    [[nodiscard]] std::string_view text() const noexcept { return {room_.data(), size_}; }

private:
    std::span<char> room_;
    std::size_t size_ = 0;
};

constexpr std::size_t longest_answer =
    names::extension.size() + 4 * std::string_view("; ").size() + names::server_no_takeover.size() +
    names::client_no_takeover.size() + names::server_bits.size() + names::client_bits.size() +
    2 * std::string_view("=15").size();
static_assert(longest_answer <= DeflateNegotiation::max_answer_size);

}  // namespace

void DeflateNegotiation::take(std::string_view field_value) noexcept {
    Offer offer;
    if (agreed_ || !find_offer(field_value, offer)) {
        return;
    }
    agreed_ = true;
    const bool fresh = !policy_.context_takeover;
    parameters_ = {
        .server_bits = std::min(policy_.window_bits, offer.server_bits),
        // A client that did not say that it can use less may not be asked to (section 7.1.2.2).
        .client_bits =
            offer.has_client_bits ? std::min(policy_.window_bits, offer.client_bits) : max_bits,
        .server_no_takeover = fresh || offer.server_no_takeover,
        .client_no_takeover = fresh || offer.client_no_takeover,
    };
    names_server_bits_ = offer.has_server_bits || parameters_.server_bits < max_bits;
    names_client_bits_ = parameters_.client_bits < max_bits;
}

std::string_view DeflateNegotiation::write_answer(
    std::span<char, max_answer_size> room) const noexcept {
    Answer answer(room);
    answer.add(names::extension);
    answer.add(parameters_.server_no_takeover, names::server_no_takeover);
    answer.add(parameters_.client_no_takeover, names::client_no_takeover);
    answer.add(names_server_bits_, names::server_bits, parameters_.server_bits);
    answer.add(names_client_bits_, names::client_bits, parameters_.client_bits);
    return answer.text();
}

}  // namespace ws

// What the fields of an upgrade request say, read once. RFC 6455, section 4.2.1.
#pragma once

#include "ngx_ws_filter/ws_handshake/handshake.hpp"

#include <cstdint>
#include <string_view>

namespace ws {

// One of several lines of a field.
struct FieldLine {
    std::string_view value;
    FieldLine *next = nullptr;
};

// The lines of a field that may stand on several, in their order. A copy has the same lines.
class FieldLines {
public:
    [[nodiscard]] bool empty() const noexcept { return !any_; }

    // The first line has its place here. Each further one is linked, and lasts as long as the
    // object.
    void add_first(std::string_view value) noexcept {
        first_ = value;
        any_ = true;
    }
    void add(FieldLine &line) noexcept {
        (last_ == nullptr ? further_ : last_->next) = &line;
        last_ = &line;
    }

    template <typename Use>
    void each(Use use) const noexcept {
        if (any_) {
            use(first_);
        }
        for (const FieldLine *line = further_; line != nullptr; line = line->next) {
            use(line->value);
        }
    }

private:
    std::string_view first_;
    FieldLine *further_ = nullptr;
    FieldLine *last_ = nullptr;
    bool any_ = false;
};

// Collects what the field lines of one request say, one line after another in any order. The
// values are looked at, not copied, and have to last as long as the object.
class UpgradeRequest {
public:
    // Field names match whole and ignore case; fields that mean nothing here are passed over.
    // Subprotocols and extensions may stand on several lines, and all of these count: for each but
    // the first `more()` gives a FieldLine that lasts as long as the object, or null. False if it
    // gave none.
    template <typename More>
    [[nodiscard]] bool take(std::string_view name, std::string_view value, More more) noexcept {
        FieldLines *lines = lines_of(name);
        if (lines == nullptr) {
            take_single(name, value);
            return true;
        }
        if (lines->empty()) {
            lines->add_first(value);
            return true;
        }
        FieldLine *line = more();
        if (line == nullptr) {
            return false;
        }
        line->value = value;
        lines->add(*line);
        return true;
    }

    struct RequestLine {
        unsigned http_version;  // major * 1000 + minor, as in 1001 for HTTP/1.1
        bool get;
        bool has_body;  // a Content-Length other than 0, or a Transfer-Encoding
    };

    // The first rule that the request breaks, subprotocols aside: HTTP version, method, Upgrade,
    // Connection, body, version, key.
    [[nodiscard]] Handshake check(const RequestLine &line) const noexcept;

    // Whether it asks for an upgrade to WebSocket at all: what an origin check guards.
    [[nodiscard]] bool wants_websocket() const noexcept { return upgrade_; }

    // Whether the client may take what it sends behind the request for frames, however broken the
    // request is. Its connection serves no other one.
    [[nodiscard]] bool may_precede_frames() const noexcept { return upgrade_ || !key_.empty(); }

    // Once accepted: 24 characters, for make_accept_key().
    [[nodiscard]] std::string_view key() const noexcept { return key_; }

    // The first Host, which has a value in any request that an HTTP server lets pass.
    [[nodiscard]] std::string_view host() const noexcept { return host_; }

    // How many lines of Origin there are, and the value of the last.
    [[nodiscard]] unsigned origins() const noexcept { return origins_; }
    [[nodiscard]] std::string_view origin() const noexcept { return origin_; }

    // Sec-WebSocket-Protocol and Sec-WebSocket-Extensions.
    [[nodiscard]] const FieldLines &subprotocols() const noexcept { return subprotocols_; }
    [[nodiscard]] const FieldLines &extensions() const noexcept { return extensions_; }

    // Another node has passed the request on, because of the session that it names: it says so by
    // a field Ws-Resume-Node.
    [[nodiscard]] bool is_passed_on() const noexcept { return passed_on_; }

private:
    enum class Version : std::uint8_t { missing, supported, other };

    // Null for a field of one line.
    [[nodiscard]] FieldLines *lines_of(std::string_view name) noexcept;
    void take_single(std::string_view name, std::string_view value) noexcept;

    std::string_view key_;
    std::string_view host_;
    std::string_view origin_;
    FieldLines subprotocols_;
    [[no_unique_address]] FieldLines extensions_;  // keys_ fills its last bytes
    unsigned keys_ = 0;
    unsigned origins_ = 0;
    Version version_ = Version::missing;
    bool upgrade_ = false;
    bool connection_ : 1 = false;
    bool passed_on_ : 1 = false;
};

}  // namespace ws

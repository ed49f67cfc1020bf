#include "ngx_ws_filter/ws_handshake/upgrade_request.hpp"

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"
#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ws {

FieldLines *UpgradeRequest::lines_of(std::string_view name) noexcept {
    if (equals_ignoring_case(name, "Sec-WebSocket-Protocol")) {
        return &subprotocols_;
    }
    return equals_ignoring_case(name, "Sec-WebSocket-Extensions") ? &extensions_ : nullptr;
}

void UpgradeRequest::take_single(std::string_view name, std::string_view value) noexcept {
    const auto is = [&](std::string_view field) { return equals_ignoring_case(name, field); };
    if (is("Upgrade")) {
        upgrade_ = upgrade_ || list_has(value, "websocket");
    } else if (is("Connection")) {
        connection_ = connection_ || list_has(value, "upgrade");
    } else if (is("Sec-WebSocket-Version")) {
        const bool first = version_ == Version::missing;
        version_ = first && trim(value) == "13" ? Version::supported : Version::other;
    } else if (is("Sec-WebSocket-Key")) {
        key_ = trim(value);
        keys_++;
    } else if (is("Origin")) {
        origin_ = value;
        origins_++;
    } else if (is("Host") && host_.empty()) {
        host_ = value;
    } else if (is("Ws-Resume-Node")) {
        passed_on_ = true;
    }
}

Handshake UpgradeRequest::check(const RequestLine &line) const noexcept {
    // The protocol comes first: HTTP/2 cannot carry the fields that the other rules ask for.
    if (line.http_version >= 2000) {
        return Handshake::http_2;
    }
    if (line.http_version < 1001) {
        return Handshake::http_1_0;
    }
    if (!line.get) {
        return Handshake::method_not_get;
    }
    if (!upgrade_) {
        return Handshake::upgrade_missing;
    }
    if (!connection_) {
        return Handshake::connection_missing;
    }
    if (line.has_body) {
        return Handshake::body_present;
    }
    // The version before the key, which a client of another version may not send.
    if (version_ == Version::missing) {
        return Handshake::version_missing;
    }
    if (version_ == Version::other) {
        return Handshake::version_unsupported;
    }
    if (keys_ == 0) {
        return Handshake::key_missing;
    }
    if (keys_ > 1 || !is_valid_key(key_)) {
        return Handshake::key_malformed;
    }
    return Handshake::accepted;
}

}  // namespace ws

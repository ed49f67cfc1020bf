#include "ngx_ws_filter/ws_handshake/handshake.hpp"

#include <algorithm>

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"
#include "ngx_ws_filter/ws_handshake/field.hpp"

namespace ws {

unsigned http_status(Handshake verdict) noexcept {
    switch (verdict) {
        case Handshake::accepted:
            return 101;
        case Handshake::method_not_get:
            return 405;
        case Handshake::upgrade_missing:
        case Handshake::version_unsupported:
            return 426;
        case Handshake::http_2:
            return 505;
        case Handshake::http_1_0:
        case Handshake::connection_missing:
        case Handshake::version_missing:
        case Handshake::key_missing:
        case Handshake::key_malformed:
        case Handshake::body_present:
        case Handshake::subprotocol_malformed:
        case Handshake::subprotocol_missing:
            break;
    }
    return 400;
}

std::string_view words(Handshake verdict) noexcept {
    switch (verdict) {
        case Handshake::accepted:
            return "accepted";
        case Handshake::upgrade_missing:
            return "no \"websocket\" in \"Upgrade\"";
        case Handshake::http_2:
            return "an upgrade needs HTTP/1.1, not a later version";
        case Handshake::http_1_0:
            return "an upgrade needs HTTP/1.1, not an earlier version";
        case Handshake::method_not_get:
            return "the method is not GET";
        case Handshake::connection_missing:
            return "no \"upgrade\" in \"Connection\"";
        case Handshake::version_missing:
            return "no \"Sec-WebSocket-Version\"";
        case Handshake::version_unsupported:
            return "\"Sec-WebSocket-Version\" is not 13";
        case Handshake::key_missing:
            return "no \"Sec-WebSocket-Key\"";
        case Handshake::key_malformed:
            return "\"Sec-WebSocket-Key\" is repeated or not base64 of 16 bytes";
        case Handshake::body_present:
            return "the request has a body";
        case Handshake::subprotocol_malformed:
            return "\"Sec-WebSocket-Protocol\" is not a list of tokens";
        case Handshake::subprotocol_missing:
            return "none of the required subprotocols was offered";
    }
    return "unknown";
}

void UpgradeRequest::take(std::string_view name, std::string_view value) noexcept {
    if (equals_ignoring_case(name, "Upgrade")) {
        upgrade_ = upgrade_ || list_has(value, "websocket");
        return;
    }
    if (equals_ignoring_case(name, "Connection")) {
        connection_ = connection_ || list_has(value, "upgrade");
        return;
    }
    if (equals_ignoring_case(name, "Sec-WebSocket-Version")) {
        version_ = trim(value);
        versions_++;
        return;
    }
    if (equals_ignoring_case(name, "Sec-WebSocket-Key")) {
        key_ = trim(value);
        keys_++;
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
    if (versions_ == 0) {
        return Handshake::version_missing;
    }
    if (versions_ > 1 || version_ != "13") {
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

void SubprotocolChoice::offer(std::string_view field_value) noexcept {
    ListReader offers(field_value);
    for (std::string_view name; offers.next(name);) {
        if (!is_token(name)) {
            malformed_ = true;
            return;
        }
        if (chosen_.empty() && acceptable(name)) {
            chosen_ = name;
        }
    }
}

bool SubprotocolChoice::acceptable(std::string_view name) const noexcept {
    const auto has_name = [&](std::span<const std::string_view> names) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    return !has_name(passed_over_) && (accepted_.empty() || has_name(accepted_));
}

}  // namespace ws

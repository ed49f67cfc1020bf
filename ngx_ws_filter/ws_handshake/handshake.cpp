#include "ngx_ws_filter/ws_handshake/handshake.hpp"

#include <algorithm>

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

std::span<const Field> refusal_fields(Handshake verdict) noexcept {
    static constexpr Field upgrade[] = {{"Upgrade", "websocket"}, {"Connection", "upgrade"}};
    static constexpr Field other_version[] = {
        upgrade[0], upgrade[1], {"Sec-WebSocket-Version", "13"}};
    static constexpr Field get[] = {{"Allow", "GET"}};
    switch (verdict) {
        case Handshake::upgrade_missing:
            return upgrade;
        case Handshake::version_unsupported:
            return other_version;
        case Handshake::method_not_get:
            return get;
        default:
            return {};
    }
}

std::span<const Field> acceptance_fields(const Agreement &agreement,
                                         std::array<char, accept_key_size> &accept,
                                         std::array<Field, max_acceptance_fields> &room) noexcept {
    if (!make_accept_key(agreement.key, accept)) {
        return {};
    }
    std::size_t count = 0;
    room[count++] = {"Upgrade", "websocket"};
    room[count++] = {"Sec-WebSocket-Accept", {accept.data(), accept.size()}};
    if (!agreement.subprotocol.empty()) {
        room[count++] = {"Sec-WebSocket-Protocol", agreement.subprotocol};
    }
    if (!agreement.extensions.empty()) {
        room[count++] = {"Sec-WebSocket-Extensions", agreement.extensions};
    }
    return std::span{room}.first(count);
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

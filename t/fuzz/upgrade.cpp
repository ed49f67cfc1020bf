// The fields of an upgrade request, one a line, as "name: value".
#include "t/fuzz/fuzz.hpp"

#include <deque>
#include <vector>

#include "ngx_ws_filter/ws_handshake/accept_key.hpp"
#include "ngx_ws_filter/ws_handshake/upgrade_request.hpp"

using fuzz::Input;
using fuzz::require;
using ws::Handshake;

namespace {

struct Field {
    std::string_view name;
    std::string_view value;
};

std::string changed_case(std::string_view text) {
    std::string changed(text);
    for (char &c : changed) {
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
            c = static_cast<char>(c ^ 0x20);
        }
    }
    return changed;
}

[[nodiscard]] Handshake verdict(const std::vector<Field> &fields,
                                const ws::UpgradeRequest::RequestLine &line, bool reversed) {
    ws::UpgradeRequest request;
    std::deque<ws::FieldLine> memory;
    const auto more = [&] { return &memory.emplace_back(); };
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const Field &field = fields[reversed ? fields.size() - 1 - i : i];
        require(request.take(reversed ? changed_case(field.name) : field.name, field.value, more));
    }
    const Handshake found = request.check(line);
    if (found == Handshake::accepted) {
        require(request.wants_websocket() && request.may_precede_frames());
        require(ws::is_valid_key(request.key()));
        std::array<char, ws::accept_key_size> accept;
        require(ws::make_accept_key(request.key(), accept));
        require(accept.back() == '=');
        require(line.get && !line.has_body && line.http_version / 1000 == 1);
    }
    require(http_status(found) >= 400 || found == Handshake::accepted);
    require(words(found) != "unknown");
    std::size_t lines = 0;
    const auto count = [&](std::string_view) { ++lines; };
    request.subprotocols().each(count);
    request.extensions().each(count);
    require(lines ==
            memory.size() + !request.subprotocols().empty() + !request.extensions().empty());
    return found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    constexpr unsigned versions[] = {1001, 1000, 2000, 9, 3000, 1002};
    const ws::UpgradeRequest::RequestLine line{
        .http_version = versions[input.choice() % std::size(versions)],
        .get = input.choice() % 2 == 0,
        .has_body = input.choice() % 2 == 1,
    };
    const fuzz::Block content(input.content());
    std::vector<Field> fields;
    std::string_view rest = fuzz::text(content.span());
    while (!rest.empty()) {
        const std::string_view row = rest.substr(0, rest.find('\n'));
        const std::size_t colon = std::min(row.find(':'), row.size());
        fields.push_back({row.substr(0, colon), row.substr(std::min(colon + 1, row.size()))});
        rest.remove_prefix(std::min(row.size() + 1, rest.size()));
    }
    // The order of the lines means nothing, and neither does the case of names.
    require(verdict(fields, line, false) == verdict(fields, line, true));
    return 0;
}

// Offers of permessage-deflate, one field line a line, against a slow reading of the rules.
#include "t/fuzz/fuzz.hpp"

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "ngx_ws_filter/ws_compression/deflate_offer.hpp"
#include "ngx_ws_filter/ws_handshake/field.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

using Parameters = std::map<std::string, std::optional<std::string>>;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.push_back(ws::trim(text.substr(0, end)));
        if (end == text.size()) {
            return parts;
        }
        text.remove_prefix(end + 1);
    }
}

// Reads "name; a; b=c" without quotes. False if the grammar is broken; `repeated` is no matter of
// the grammar.
bool read(std::string_view element, std::string &name, Parameters &parameters, bool &repeated) {
    bool first = true;
    for (const std::string_view part : split(element, ';')) {
        const std::size_t equals = part.find('=');
        const std::string_view key = ws::trim(part.substr(0, equals));
        if (!ws::is_token(key) || (first && equals != part.npos)) {
            return false;
        }
        if (first) {
            name = key;
            first = false;
            continue;
        }
        std::optional<std::string> value;
        if (equals != part.npos) {
            value = ws::trim(part.substr(equals + 1));
            if (!ws::is_token(*value)) {
                return false;
            }
        }
        repeated = !parameters.emplace(key, value).second || repeated;
    }
    return true;
}

std::optional<unsigned> bits_of(const std::optional<std::string> &value) {
    for (unsigned bits = 8; bits <= 15; ++bits) {
        if (value == std::to_string(bits)) {
            return bits;
        }
    }
    return std::nullopt;
}

// Whether the offer can be kept: RFC 7692, section 7.1, with the least window that zlib has.
bool acceptable(const Parameters &offer) {
    for (const auto &[name, value] : offer) {
        if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
            if (value.has_value()) {
                return false;
            }
        } else if (name == "server_max_window_bits") {
            if (bits_of(value).value_or(8) == 8) {
                return false;
            }
        } else if (name != "client_max_window_bits" ||
                   (value.has_value() && !bits_of(value).has_value())) {
            return false;
        }
    }
    return true;
}

// The first offer of a line that can be kept; none if any element breaks the grammar.
std::optional<Parameters> wanted_offer(std::string_view line) {
    std::optional<Parameters> wanted;
    for (const std::string_view element : split(line, ',')) {
        if (element.empty()) {
            continue;
        }
        std::string name;
        Parameters parameters;
        bool repeated = false;
        if (!read(element, name, parameters, repeated)) {
            return std::nullopt;
        }
        if (!wanted && name == "permessage-deflate" && !repeated && acceptable(parameters)) {
            wanted = parameters;
        }
    }
    return wanted;
}

// The answer may only say what this offer allows (section 7.1), and says what was agreed.
void check_answer(const ws::DeflateNegotiation &negotiation, const Parameters &offer,
                  const ws::DeflatePolicy &policy) {
    std::array<char, ws::DeflateNegotiation::max_answer_size> room;
    const std::string_view answer = negotiation.write_answer(room);
    std::string name;
    Parameters said;
    bool repeated = false;
    require(read(answer, name, said, repeated) && name == "permessage-deflate" && !repeated);
    require(acceptable(said));

    const ws::DeflateParameters &agreed = negotiation.parameters();
    require(agreed.server_no_takeover == said.contains("server_no_context_takeover"));
    require(agreed.client_no_takeover == said.contains("client_no_context_takeover"));
    require(agreed.server_no_takeover || !offer.contains("server_no_context_takeover"));
    require(agreed.server_no_takeover == !policy.context_takeover ||
            offer.contains("server_no_context_takeover"));

    if (offer.contains("server_max_window_bits")) {
        require(said.contains("server_max_window_bits"));
        require(agreed.server_bits <= bits_of(offer.at("server_max_window_bits")));
    }
    require(agreed.server_bits >= 9 && agreed.server_bits <= policy.window_bits);
    require(agreed.server_bits == (said.contains("server_max_window_bits")
                                       ? bits_of(said.at("server_max_window_bits"))
                                       : 15));
    require(offer.contains("client_max_window_bits") || !said.contains("client_max_window_bits"));
    if (said.contains("client_max_window_bits")) {
        require(agreed.client_bits == bits_of(said.at("client_max_window_bits")));
        require(agreed.client_bits <= bits_of(offer.at("client_max_window_bits")).value_or(15));
    } else {
        require(agreed.client_bits == 15);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    const ws::DeflatePolicy policy{
        .window_bits = static_cast<unsigned>(9 + input.choice() % 7),
        .context_takeover = input.choice() % 2 == 1,
    };
    ws::DeflateNegotiation negotiation(policy);
    std::optional<Parameters> wanted;
    bool quoted = false;
    fuzz::for_each_line(input.content(), [&](std::string_view line) {
        quoted = quoted || line.find('"') != line.npos;
        negotiation.take(line);
        if (!wanted) {
            wanted = wanted_offer(line);
        }
    });
    if (quoted) {
        // What a quoted string holds is left to the unit tests; a session must be possible all the
        // same.
        require(!negotiation.agreed() || (negotiation.parameters().server_bits >= 9 &&
                                          negotiation.parameters().client_bits >= 8));
        return 0;
    }
    require(negotiation.agreed() == wanted.has_value());
    if (wanted) {
        check_answer(negotiation, *wanted, policy);
    }
    return 0;
}

// The choice of a subprotocol, from the offers of several field lines.
#include "t/fuzz/fuzz.hpp"

#include <array>
#include <vector>

#include "ngx_ws_filter/ws_handshake/field.hpp"
#include "ngx_ws_filter/ws_handshake/handshake.hpp"

using fuzz::Input;
using fuzz::require;

namespace {

// Slowly: every element of every line.
struct Offers {
    std::vector<std::string> names;
    bool malformed = false;

    void add(std::string_view line) {
        bool quoted = false;
        std::string element;
        for (std::size_t i = 0; i <= line.size(); ++i) {
            if (i == line.size() || (line[i] == ',' && !quoted)) {
                add_element(ws::trim(element));
                element.clear();
                continue;
            }
            quoted = quoted != (line[i] == '"');
            element += line[i];
            if (line[i] == '\\' && quoted && i + 1 < line.size()) {
                element += line[++i];
            }
        }
    }

    void add_element(std::string_view element) {
        // What comes behind a broken element no longer counts.
        malformed = malformed || (!element.empty() && !ws::is_token(element));
        if (!element.empty()) {
            names.emplace_back(element);
        }
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    Input input({data, size});
    constexpr std::array<std::string_view, 3> known{"mqtt", "binary", "v2.x"};
    const std::span accepted = std::span{known}.first(input.choice() % (known.size() + 1));

    const fuzz::Block content(input.content());
    std::string_view rest = fuzz::text(content.span());
    ws::SubprotocolChoice choice(accepted);
    Offers offers;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        choice.offer(line);
        offers.add(line);
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }

    require(choice.malformed() == offers.malformed);
    std::string wanted;
    for (const std::string &name : offers.names) {
        const bool suits =
            name != ws::resume_subprotocol &&
            (accepted.empty() || std::ranges::find(accepted, name) != accepted.end());
        if (wanted.empty() && suits && !offers.malformed) {
            wanted = name;
        }
    }
    require(choice.chosen() == wanted);
    return 0;
}

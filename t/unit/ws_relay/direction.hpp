// A lane to a scripted destination.
#pragma once

#include "t/unit/ws_relay/scripted.hpp"

#include "ngx_ws_filter/ws_relay/lane.hpp"

namespace unit {

struct Direction {
    explicit Direction(std::uint64_t window = 0) : lane(destination, host, window) {}
    ~Direction() { lane.lose(); }

    ScriptedHost host;
    ScriptedEndpoint destination{host};
    ws::Lane lane;

    // The payload is all of it but the header.
    void write(std::string_view bytes, std::size_t header = 0) {
        std::string copy(bytes);
        lane.write({reinterpret_cast<std::uint8_t *>(copy.data()), copy.size()},
                   copy.size() - header);
    }
    void forward(std::string_view header, std::string_view payload) {
        host.pipe = payload;
        std::string copy(header);
        lane.forward({reinterpret_cast<std::uint8_t *>(copy.data()), copy.size()}, payload.size());
        equal(host.pipe, std::string_view());
    }
    [[nodiscard]] const ws::FlowLedger &ledger() const { return lane.ledger(); }
};

}  // namespace unit

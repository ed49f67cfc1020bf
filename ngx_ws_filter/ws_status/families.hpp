// All that is counted. Names and label values stand here and nowhere else.
#pragma once

#include "ngx_ws_filter/ws_status/family.hpp"

#include <array>

namespace ws {

enum class Metric : std::uint8_t {
    sessions,
    detached_sessions,
    stalled_sessions,
    handshakes,
    refusals,
    origins,
    closes,
    payload_bytes,
    frames,
    plain_bytes,
    compressed_bytes,
    undelivered_bytes,
    stalls,
    receipts,
    pings,
    pongs,
    pong_timeouts,
    durations,
    round_trips,
    connects,
    limited,
    resumes,
    handovers,
    workers,
    held_buffers,
    most_held_buffers,
    replay_bytes,
    unlisted_sessions,
};

namespace labels {

using Text = std::string_view;

inline constexpr Text sides[] = {"client", "backend"};  // see label_of()
inline constexpr Text enders[] = {"client", "backend", "gateway"};
inline constexpr Text results[] = {"given", "refused"};
inline constexpr Text resumes[] = {"resumed", "unknown", "refused"};
inline constexpr Text handovers[] = {"moved", "refused"};
inline constexpr Text limits[] = {"refused", "displaced"};
inline constexpr Text generations[] = {"current", "old"};

inline constexpr Text statuses[] = {"101", "400", "401", "403", "404", "405", "408", "426",
                                    "429", "499", "500", "502", "503", "504", "505", "other"};
inline constexpr Text codes[] = {"1000", "1001", "1002", "1003", "1005", "1006",
                                 "1007", "1008", "1009", "1010", "1011", "1012",
                                 "1013", "1014", "3xxx", "4xxx", "other"};

// In the order of Handshake, without `accepted`.
inline constexpr Text rules[] = {"upgrade_missing",
                                 "http_2",
                                 "http_1_0",
                                 "method_not_get",
                                 "connection_missing",
                                 "version_missing",
                                 "version_unsupported",
                                 "key_missing",
                                 "key_malformed",
                                 "body_present",
                                 "subprotocol_malformed",
                                 "subprotocol_missing"};

// The values are those of $ws_origin_verdict.
inline constexpr Text verdicts[] = {"same", "listed",   "missing", "null",
                                    "any",  "reported", "refused"};

}  // namespace labels

namespace bounds {

inline constexpr Bound lives[] = {
    {100, "0.1"},        {1000, "1.0"},         {10000, "10.0"},
    {60000, "60.0"},     {300000, "300.0"},     {1800000, "1800.0"},
    {3600000, "3600.0"}, {14400000, "14400.0"}, {86400000, "86400.0"}};

inline constexpr Bound trips[] = {{1, "0.001"},   {2, "0.002"},  {5, "0.005"},  {10, "0.01"},
                                  {20, "0.02"},   {50, "0.05"},  {100, "0.1"},  {200, "0.2"},
                                  {500, "0.5"},   {1000, "1.0"}, {2000, "2.0"}, {5000, "5.0"},
                                  {10000, "10.0"}};

}  // namespace bounds

namespace detail {

using Type = Family::Type;

inline constexpr Label by_side = {"by", labels::sides};
inline constexpr Label from_side = {"from", labels::sides};
inline constexpr Label to_side = {"to", labels::sides};

// In the order of Metric.
inline constexpr std::array unplaced = {
    Family{.name = "nginx_ws_sessions", .help = "Sessions that are open", .type = Type::gauge},
    Family{.name = "nginx_ws_detached_sessions",
           .help = "Sessions that wait for their client to come back",
           .type = Type::gauge},
    Family{.name = "nginx_ws_stalled_sessions",
           .help = "Sessions in which this side keeps the other waiting",
           .type = Type::gauge,
           .outer = by_side},
    Family{.name = "nginx_ws_handshakes",
           .help = "Answered requests for a session, by HTTP status",
           .type = Type::counter,
           .outer = {"status", labels::statuses}},
    Family{.name = "nginx_ws_refusals",
           .help = "Requests that broke a rule of the handshake, by rule",
           .type = Type::counter,
           .outer = {"rule", labels::rules}},
    Family{.name = "nginx_ws_origins",
           .help = "Verdicts on the origin of requests",
           .type = Type::counter,
           .outer = {"verdict", labels::verdicts}},
    Family{.name = "nginx_ws_closes",
           .help = "Sessions that have ended, by close code and by who ended them",
           .type = Type::counter,
           .outer = {"code", labels::codes},
           .inner = {"by", labels::enders}},
    Family{.name = "nginx_ws_payload_bytes",
           .help = "Payload taken from this side",
           .type = Type::counter,
           .outer = from_side},
    Family{.name = "nginx_ws_frames",
           .help = "Frames received from the client, and sent to it for the backend",
           .type = Type::counter,
           .outer = from_side},
    Family{.name = "nginx_ws_plain_bytes",
           .help = "Payload of compressed messages from this side, not compressed",
           .type = Type::counter,
           .outer = from_side},
    Family{.name = "nginx_ws_compressed_bytes",
           .help = "The same payload as it is on the wire",
           .type = Type::counter,
           .outer = from_side},
    Family{.name = "nginx_ws_undelivered_bytes",
           .help = "Bytes for this side that it had not acknowledged when the session ended",
           .type = Type::counter,
           .outer = to_side},
    Family{.name = "nginx_ws_stall_seconds",
           .help = "Time for which this side kept the other waiting",
           .type = Type::counter,
           .outer = by_side},
    Family{.name = "nginx_ws_receipts",
           .help = "Closes of clients that were answered with their own code, or were refused that",
           .type = Type::counter,
           .outer = {"result", labels::results}},
    Family{.name = "nginx_ws_pings", .help = "Pings sent to clients", .type = Type::counter},
    Family{.name = "nginx_ws_pongs",
           .help = "Pongs that have answered the last ping",
           .type = Type::counter},
    Family{.name = "nginx_ws_pong_timeouts",
           .help = "Sessions that have ended because no pong came in time",
           .type = Type::counter},
    Family{.name = "nginx_ws_session_duration_seconds",
           .help = "How long sessions lasted that have ended",
           .type = Type::histogram,
           .bounds = bounds::lives},
    Family{.name = "nginx_ws_round_trip_seconds",
           .help = "Time from a ping to its pong",
           .type = Type::histogram,
           .bounds = bounds::trips},
    Family{.name = "nginx_ws_connect_seconds",
           .help = "Time to a connection with the backend",
           .type = Type::histogram,
           .bounds = bounds::trips},
    Family{.name = "nginx_ws_limited_sessions",
           .help = "Requests for more sessions of a key than it may have, by what became of them",
           .type = Type::counter,
           .outer = {"result", labels::limits}},
    Family{.name = "nginx_ws_resumes",
           .help = "Requests of clients that came back, by what became of them",
           .type = Type::counter,
           .outer = {"result", labels::resumes}},
    Family{.name = "nginx_ws_handovers",
           .help = "Sessions that a worker has handed to another, by what became of them",
           .type = Type::counter,
           .outer = {"result", labels::handovers}},
    Family{.name = "nginx_ws_workers",
           .help = "Workers, by whether they have the current configuration",
           .type = Type::gauge,
           .of_worker = true,
           .outer = {"configuration", labels::generations}},
    Family{.name = "nginx_ws_held_buffers",
           .help = "Buffers for bytes that a slow side has not taken",
           .type = Type::gauge,
           .of_worker = true},
    Family{.name = "nginx_ws_most_held_buffers",
           .help = "The most of these buffers that each worker has held, in sum",
           .type = Type::gauge,
           .of_worker = true},
    Family{.name = "nginx_ws_replay_bytes",
           .help = "Memory for what may have to be sent again",
           .type = Type::gauge,
           .of_worker = true},
    Family{.name = "nginx_ws_unlisted_sessions",
           .help = "Sessions for which the list had no room",
           .type = Type::counter,
           .of_worker = true},
};

[[nodiscard]] consteval auto placed() noexcept {
    auto families = unplaced;
    std::size_t first = 0;
    for (Family &family : families) {
        family.first = first;
        first += family.cells();
    }
    return families;
}

}  // namespace detail

inline constexpr auto families = detail::placed();
static_assert(families.size() == static_cast<std::size_t>(Metric::unlisted_sessions) + 1);

[[nodiscard]] constexpr const Family &family(Metric metric) noexcept {
    return families[static_cast<std::size_t>(metric)];
}

// All families together have so many cells.
inline constexpr std::size_t all_cells = families.back().first + families.back().cells();

// --- the numbers of label values

// The side is not `nobody`.
[[nodiscard]] constexpr std::size_t label_of(Side side) noexcept {
    return static_cast<std::size_t>(side) - 1;
}
[[nodiscard]] constexpr std::size_t label_of(std::span<const std::string_view> values,
                                             std::string_view value) noexcept {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] == value) {
            return i;
        }
    }
    return values.size() - 1;
}

// An HTTP status or a close code that has no value of its own is "other". The codes of libraries
// share one value, and so do those of applications.
[[nodiscard]] std::size_t status_label(unsigned status) noexcept;
[[nodiscard]] std::size_t close_label(unsigned code) noexcept;

}  // namespace ws

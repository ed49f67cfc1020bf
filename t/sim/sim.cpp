// Simulated sessions, each made by a seed alone: `sim SEED` runs one, `sim FIRST COUNT` many.
#include <charconv>
#include <cstring>

#include "ngx_ws_filter/utf8.hpp"
#include "t/sim/backend.hpp"
#include "t/sim/client.hpp"
#include "t/sim/gateway.hpp"

namespace {

using namespace sim;

// A turn that only finds stalled pipes is a short one; no run needs nearly as many.
constexpr std::size_t most_turns = 5'000'000;

[[nodiscard]] std::size_t capacity(Random &random) {
    return 40 + random.size(60'000);
}

class Run {
public:
    explicit Run(std::uint64_t seed)
        : random_(seed),
          judge_(seed),
          options_(choose(random_)),
          client_to_gateway_(random_, capacity(random_)),
          gateway_to_client_(random_, capacity(random_)),
          backend_to_gateway_(random_, capacity(random_)),
          gateway_to_backend_(random_, capacity(random_)),
          client_(random_, judge_,
                  {.dialect = {.compression = options_.compression,
                               .takeover = !options_.agreed.client_no_takeover},
                   .takes_text = options_.text,
                   .server_takeover = !options_.agreed.server_no_takeover}),
          gateway_(random_, judge_, options_),
          backend_(random_, options_.text) {
        if (random_.one_in(3)) {
            client_.wait_for(options_.text ? whole_text().size() : backend_.script().size());
        }
    }

    void run() {
        std::size_t turns = 0;
        while (!over()) {
            turn();
            ++turns;
            judge_.require(turns < most_turns, "it comes to an end");
        }
        check();
    }

    [[nodiscard]] Cause cause() const { return gateway_.cause(); }
    [[nodiscard]] std::size_t bytes_moved() const {
        return backend_.received().size() + client_.received().size();
    }

private:
    [[nodiscard]] static GatewayOptions choose(Random &random) {
        GatewayOptions options;
        options.text = random.one_in(3);
        options.compression = random.one_in(3);
        options.agreed = {
            .server_bits = static_cast<unsigned>(9 + random.below(7)),
            .server_no_takeover = random.one_in(2),
            .client_no_takeover = random.one_in(2),
        };
        options.window = random.one_in(3) ? 0 : 100 + random.size(30'000);
        return options;
    }

    void turn() {
        switch (random_.below(4)) {
            case 0:
                client_.turn(client_to_gateway_, gateway_to_client_);
                check_pongs();
                break;
            case 1:
                backend_.turn(gateway_to_backend_, backend_to_gateway_);
                break;
            default:
                gateway_.turn(client_to_gateway_, gateway_to_client_, backend_to_gateway_,
                              gateway_to_backend_);
        }
    }

    [[nodiscard]] bool over() const { return gateway_.done() && backend_.done() && client_.done(); }

    // A pong is a receipt for the data before its ping.
    void check_pongs() {
        const std::size_t answered = client_.answered_pings();
        if (answered != 0) {
            judge_.require(gateway_to_backend_.seen_acknowledged() >=
                               client_.script().pings[answered - 1].data_before,
                           "a pong comes when the data before its ping is acknowledged");
        }
    }

    void check() {
        const ClientScript &script = client_.script();
        switch (gateway_.cause()) {
            case Cause::client_closed:
                judge_.require(script.end == End::closes, "the client closed");
                judge_.require(backend_.received() == script.data, "the backend has it all");
                judge_.require(client_.answered_pings() == script.pings.size(),
                               "the last ping is answered");
                check_prefix_for_client();
                check_close(script.code);
                break;
            case Cause::rule_broken:
                judge_.require(script.end == End::breaks_a_rule, "the client broke a rule");
                judge_.require(backend_.received() == script.data, "the backend has what is good");
                check_prefix_for_client();
                check_close(script.code);
                break;
            case Cause::client_vanished:
                judge_.require(script.end == End::vanishes, "the client vanished");
                judge_.require(backend_.received() == script.data, "the backend has it all");
                check_prefix_for_client();
                judge_.require(!client_.got_close(), "nobody is there to get a Close");
                break;
            case Cause::backend_ended:
                judge_.require(client_.received() == backend_.script(), "the client has it all");
                check_prefix_for_backend();
                check_close(ws::CloseCode::normal);
                break;
            case Cause::no_text:
                judge_.require(client_.received() == whole_text(), "the client has what is text");
                check_prefix_for_backend();
                check_close(ws::CloseCode::internal_error);
                break;
            case Cause::none:
                judge_.require(false, "there is a cause");
        }
        judge_.require(gateway_.inward().written() == backend_.received().size(),
                       "the ledger counts what the backend gets");
    }

    void check_prefix_for_client() {
        judge_.require(backend_.script().starts_with(client_.received()), "in order to the client");
    }

    void check_prefix_for_backend() {
        judge_.require(client_.script().data.starts_with(backend_.received()),
                       "in order to the backend");
    }

    void check_close(ws::CloseCode code) {
        judge_.require(client_.got_close(), "the client gets a Close");
        const std::string &payload = client_.close_payload();
        if (code == ws::CloseCode::no_status) {
            judge_.require(payload.empty(), "an empty Close gets an empty answer");
            return;
        }
        judge_.require(payload.size() >= 2, "the Close has a code");
        const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(payload[i]); };
        judge_.require((byte(0) << 8U | byte(1)) == static_cast<int>(code), "the Close is right");
    }

    [[nodiscard]] std::string_view whole_text() const {
        ws::Utf8Validator validator;
        static_cast<void>(validator.take(bytes(backend_.script())));
        return std::string_view(backend_.script())
            .substr(0, validator.valid() - validator.pending());
    }

    Random random_;
    Judge judge_;
    GatewayOptions options_;
    Pipe client_to_gateway_;
    Pipe gateway_to_client_;
    Pipe backend_to_gateway_;
    Pipe gateway_to_backend_;
    Client client_;
    Gateway gateway_;
    Backend backend_;
};

[[nodiscard]] std::uint64_t number(const char *text) {
    std::uint64_t value = 0;
    const char *end = text + std::strlen(text);
    if (std::from_chars(text, end, value).ptr != end || text == end) {
        std::fprintf(stderr, "not a number: %s\n", text);
        std::exit(2);
    }
    return value;
}

}  // namespace

int main(int argc, char **argv) {
    const std::uint64_t first = argc > 1 ? number(argv[1]) : 0;
    const std::uint64_t count = argc > 2 ? number(argv[2]) : 1;
    std::size_t causes[6] = {};
    std::size_t moved = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        Run run(seed);
        run.run();
        ++causes[static_cast<std::size_t>(run.cause())];
        moved += run.bytes_moved();
    }
    std::printf(
        "%llu sessions, %zu bytes; ended by client's Close %zu, broken rule %zu, "
        "vanished client %zu, backend %zu, no text %zu\n",
        static_cast<unsigned long long>(count), moved, causes[1], causes[2], causes[3], causes[4],
        causes[5]);
    return 0;
}

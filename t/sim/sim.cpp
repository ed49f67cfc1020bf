// Simulated sessions, each made by a seed alone: `sim SEED` runs one, `sim FIRST COUNT` many.
#include <sys/time.h>
#include <charconv>
#include <csignal>
#include <cstring>

#include "ngx_ws_filter/utf8.hpp"
#include "t/sim/backend.hpp"
#include "t/sim/client.hpp"
#include "t/sim/gateway.hpp"

// There with the sanitizers alone.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());

namespace {

using namespace sim;

// A turn that only finds stalled pipes is a short one; no run needs nearly as many.
constexpr std::size_t most_turns = 5'000'000;

[[nodiscard]] std::size_t capacity(Random &random) {
    return 40 + random.size(60'000);
}

[[nodiscard]] std::uint64_t number(const char *text) {
    std::uint64_t value = 0;
    const char *end = text + std::strlen(text);
    if (std::from_chars(text, end, value).ptr != end || text == end) {
        std::fprintf(stderr, "not a number: %s\n", text);
        std::exit(2);
    }
    return value;
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
        options.patient = !random.one_in(4);
        return options;
    }

    void turn() {
        switch (random_.below(4)) {
            case 0:
                client_.turn(client_to_gateway_, gateway_to_client_);
                check_receipts();
                break;
            case 1:
                backend_.turn(gateway_to_backend_, backend_to_gateway_);
                break;
            default:
                gateway_.turn(client_to_gateway_, gateway_to_client_, backend_to_gateway_,
                              gateway_to_backend_);
                check_ledgers();
        }
    }

    [[nodiscard]] bool over() const { return gateway_.done() && backend_.done() && client_.done(); }

    // Whatever was said, and however often: nothing is confirmed that was not read, or
    // acknowledged.
    void check_ledgers() {
        judge_.require(gateway_.inward().confirmed() <= gateway_to_backend_.seen_acknowledged(),
                       "what is confirmed was acknowledged by the backend");
        judge_.require(gateway_.outward().confirmed() <= client_.read(),
                       "what is confirmed was read by the client");
    }

    // A pong is a receipt for the data before its ping, and a Close like the client's own for all.
    void check_receipts() {
        const std::uint64_t acknowledged = gateway_to_backend_.seen_acknowledged();
        const std::size_t answered = client_.answered_pings();
        if (answered != 0) {
            judge_.require(acknowledged >= client_.script().pings[answered - 1].data_before,
                           "a pong comes when the data before its ping is acknowledged");
        }
        if (client_.got_close() && gateway_.cause() == Cause::client_closed) {
            judge_.require(acknowledged == client_.script().data.size(),
                           "a Close is answered when all data is acknowledged");
        }
    }

    void check() {
        const ClientScript &script = client_.script();
        switch (gateway_.cause()) {
            case Cause::client_closed:
                judge_.require(script.end == End::closes, "the client closed");
                check_all_for_backend();
                judge_.require(client_.answered_pings() == script.pings.size(),
                               "the last ping is answered");
                check_prefix_for_client();
                check_close(script.code);
                break;
            case Cause::rule_broken:
                judge_.require(script.end == End::breaks_a_rule, "the client broke a rule");
                check_all_for_backend();
                check_prefix_for_client();
                check_close(script.code);
                break;
            case Cause::client_vanished:
                judge_.require(script.end == End::vanishes, "the client vanished");
                check_all_for_backend();
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
            case Cause::no_receipt:
                judge_.require(script.end == End::closes, "the client closed");
                judge_.require(gateway_.inward().taken() == script.data.size(), "all was taken");
                check_undelivered();
                break;
            case Cause::backend_vanished:
                judge_.require(backend_.vanished(), "the backend vanished");
                check_undelivered();
                break;
            case Cause::none:
                judge_.require(false, "there is a cause");
        }
        judge_.require(gateway_.session().violation() == ws::Violation::none ||
                           script.end == End::breaks_a_rule,
                       "who keeps to the rules is not refused");
        judge_.require(
            backend_.vanished() || gateway_.inward().written() == backend_.received().size(),
            "the ledger counts what the backend gets");
    }

    // All that was good, unless it was not there any more to read it.
    void check_all_for_backend() {
        if (backend_.vanished()) {
            check_prefix_for_backend();
            return;
        }
        judge_.require(backend_.received() == client_.script().data, "the backend has it all");
    }

    // The Close counts what the backend did not acknowledge, or what nobody said that it did.
    void check_undelivered() {
        check_prefix_for_client();
        check_prefix_for_backend();
        check_close(ws::CloseCode::internal_error);
        const std::uint64_t told = number(client_.close_payload().substr(2).c_str());
        const ws::FlowLedger &inward = gateway_.inward();
        judge_.require(told + gateway_to_backend_.seen_acknowledged() >= inward.taken(),
                       "no byte is missing in the count");
        judge_.require(told <= inward.taken(), "nothing is counted that was not taken");
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

// What ends the program where no judge does, an assert, a sanitizer or a loop without an end, must
// not hide which run it was.
std::uint64_t running = 0;

void name_the_run() {
    std::fprintf(stderr, "seed %llu: the program ended in it\n",
                 static_cast<unsigned long long>(running));
}

void name_the_run_and_end(int signal) {
    name_the_run();
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

void watch() {
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(name_the_run);
    }
    std::signal(SIGABRT, name_the_run_and_end);
    std::signal(SIGVTALRM, name_the_run_and_end);
}

// In seconds of computing, so that a busy machine does no harm.
void limit_time() {
    const itimerval limit{.it_interval = {}, .it_value = {.tv_sec = 60, .tv_usec = 0}};
    static_cast<void>(setitimer(ITIMER_VIRTUAL, &limit, nullptr));
}

}  // namespace

int main(int argc, char **argv) {
    const std::uint64_t first = argc > 1 ? number(argv[1]) : 0;
    const std::uint64_t count = argc > 2 ? number(argv[2]) : 1;
    std::size_t ended_by[causes] = {};
    std::size_t moved = 0;
    watch();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        running = seed;
        limit_time();
        Run run(seed);
        run.run();
        ++ended_by[static_cast<std::size_t>(run.cause())];
        moved += run.bytes_moved();
    }
    std::printf("%llu sessions, %zu bytes; ended by:", static_cast<unsigned long long>(count),
                moved);
    constexpr const char *names[causes] = {
        "nobody",  "client's Close",   "broken rule", "vanished client",
        "backend", "vanished backend", "no text",     "Close without receipt"};
    for (std::size_t i = 1; i < causes; ++i) {
        std::printf("%s %s %zu", i == 1 ? "" : ",", names[i], ended_by[i]);
    }
    std::printf("\n");
    return 0;
}

// A relay that reads no faster than ws_upload_rate and ws_download_rate allow.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_view_literals;
using unit::Joined;

namespace {

// Reads until nothing more may be read for a while.
void settle(Joined &joined) {
    for (unsigned i = 0; i < 20; ++i) {
        unit::check(joined.turn());
    }
}

void takes_from_each_side_what_its_rate_allows(void **) {
    Joined joined;
    joined.relay->set_rates(1000, 2000, joined.now);
    const std::string much(100, 'x');
    for (unsigned i = 0; i < 100; ++i) {
        joined.client_says(unit::data, much);
        joined.backend.says(much);
    }
    settle(joined);
    const std::size_t up = joined.backend.written.size();
    const std::size_t down = joined.facts().bytes_out;
    unit::check(up < 10'000 && down < 10'000);
    unit::check(joined.client.readable() && joined.backend.readable());
    unit::check(joined.relay->wake_at() <= joined.now + 1000);
    joined.now += 1000;
    settle(joined);
    unit::check(joined.backend.written.size() > up && joined.backend.written.size() < 10'000);
    unit::check(joined.facts().bytes_out > down);
}

// Behind the end nobody is kept waiting.
void drops_what_comes_behind_the_end_at_once(void **) {
    Joined joined;
    joined.relay->set_rates(1000, 1000, joined.now);
    joined.backend.ends();
    unit::check(joined.turn_after(1000));
    joined.is_in(ws::Phase::closing);
    for (unsigned i = 0; i < 50; ++i) {
        joined.client_says(unit::data, std::string(100, 'x'));
    }
    settle(joined);
    unit::check(!joined.client.readable());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_from_each_side_what_its_rate_allows),
        cmocka_unit_test(drops_what_comes_behind_the_end_at_once),
    };
    return unit::run("ws_relay/relay_rates", tests);
}

#include "t/unit/ws_relay/scripted.hpp"

#include "ngx_ws_filter/ws_relay/rest.hpp"

using namespace std::string_view_literals;
using unit::ScriptedHost;

namespace {

struct Waiting {
    ~Waiting() { rest.clear(host); }

    ScriptedHost host;
    ws::Rest rest;

    [[nodiscard]] bool keep(std::string_view bytes) {
        std::string copy(bytes);
        return rest.keep({reinterpret_cast<std::uint8_t *>(copy.data()), copy.size()}, host);
    }
    [[nodiscard]] std::string_view kept() const { return unit::text(rest.bytes()); }
};

void has_nothing_at_first(void **) {
    const Waiting waiting;
    unit::check(!waiting.rest.waits());
    unit::equal(waiting.kept(), ""sv);
}

void keeps_a_copy(void **) {
    Waiting waiting;
    unit::check(waiting.keep("hello"));
    unit::check(waiting.rest.waits());
    unit::equal(waiting.kept(), "hello"sv);
    unit::equal(waiting.host.lent, 1);
    waiting.rest.clear(waiting.host);
    unit::check(!waiting.rest.waits());
    unit::equal(waiting.kept(), ""sv);
    unit::equal(waiting.host.lent, 0);
}

// What comes out of the last bytes has no room yet, and no bytes are left of what went in.
void waits_without_bytes(void **) {
    Waiting waiting;
    unit::check(waiting.keep(""));
    unit::check(waiting.rest.waits());
    unit::equal(waiting.kept(), ""sv);
    unit::equal(waiting.host.lent, 0);
}

void keeps_the_end_of_what_waited_where_it_is(void **) {
    Waiting waiting;
    unit::check(waiting.keep("hello"));
    waiting.host.has_memory = false;
    const std::uint8_t *const end = waiting.rest.bytes().data() + 5;
    unit::check(waiting.rest.keep(waiting.rest.bytes().last(2), waiting.host));
    unit::equal(waiting.kept(), "lo"sv);
    unit::check(waiting.rest.bytes().data() + 2 == end);
    unit::check(waiting.rest.keep(waiting.rest.bytes().last(0), waiting.host));
    unit::check(waiting.rest.waits());
    unit::equal(waiting.kept(), ""sv);
    unit::equal(waiting.host.lent, 0);
}

void needs_memory(void **) {
    Waiting waiting;
    waiting.host.has_memory = false;
    unit::check(!waiting.keep("hello"));
    unit::check(!waiting.rest.waits());
}

void refuses_more_than_there_is_room_for(void **) {
    Waiting waiting;
    const std::string much(waiting.host.scratch().wrapped.size(), 'x');
    unit::check(!waiting.keep(much + "y"));
    Waiting other;
    unit::check(other.keep(much));
    unit::equal(other.kept(), much);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(has_nothing_at_first),
        cmocka_unit_test(keeps_a_copy),
        cmocka_unit_test(waits_without_bytes),
        cmocka_unit_test(keeps_the_end_of_what_waited_where_it_is),
        cmocka_unit_test(needs_memory),
        cmocka_unit_test(refuses_more_than_there_is_room_for),
    };
    return unit::run("ws_relay/rest", tests);
}

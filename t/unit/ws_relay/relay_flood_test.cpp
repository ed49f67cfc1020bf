// A flood of a backend, whose payload goes through the worker's pipe.
#include "t/unit/ws_relay/joined.hpp"

using namespace std::string_view_literals;
using unit::Joined;
using unit::plain;

namespace {

constexpr std::size_t flood = 32 * 1024;

// Sides with a pipe between them, and room for a flood in one read.
struct Flooded : Joined {
    explicit Flooded(const ws::SessionOptions &options = {}) : Joined(plain(), 65'536, options) {
        client.has_pipe = true;
        backend.has_pipe = true;
    }
};

// A binary frame with a length of 16 bits.
std::string frame(std::string_view payload) {
    const std::size_t size = payload.size();
    return std::string("\x82\x7e") + static_cast<char>(size >> 8U) + static_cast<char>(size) +
           std::string(payload);
}

void splices_what_follows_a_large_read(void **) {
    Flooded joined;
    const std::string much(flood, 'x');
    joined.backend.says(much).says("more");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 1);
    unit::equal(joined.client.calls, "header "sv);
    unit::check(joined.client.take_written() == frame(much) + "\x82\x04more");
    unit::equal(joined.facts().bytes_out, flood + 4);
    unit::equal(joined.facts().frames_out, 2);
    unit::equal(joined.relay->to_client().written(), flood + 4);
}

void reads_what_follows_a_smaller_read(void **) {
    Flooded joined;
    joined.backend.says(std::string(flood - 1, 'x')).says("more");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
    unit::equal(joined.client.calls, ""sv);
}

void reads_where_the_client_takes_no_pipe(void **) {
    Flooded joined;
    joined.client.has_pipe = false;
    joined.backend.says(std::string(flood, 'x')).says("more");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
}

// Text has to be looked at.
void reads_what_has_to_be_looked_at(void **) {
    Flooded joined({.outgoing = ws::Opcode::text});
    joined.backend.says(std::string(flood, 'x')).says("more");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
}

void reads_where_the_pipe_is_not_worth_it(void **) {
    Flooded joined;
    joined.backend.has_pipe = false;
    joined.backend.says(std::string(flood, 'x')).says("more");
    unit::check(joined.turn());
    unit::equal(joined.backend.reads, 2);
    unit::check(joined.client.take_written().ends_with("\x82\x04more"));
}

void holds_what_a_full_client_leaves_in_the_pipe(void **) {
    Flooded joined;
    const std::string much(flood, 'x');
    joined.backend.says(much).says("and more").says("unread");
    joined.client.takes = 4 + flood + 2 + 3;
    unit::check(joined.turn());
    unit::equal(joined.relay->to_client().unwritten(), 5);
    unit::equal(joined.host.lent, 1);
    unit::check(joined.backend.readable());
    joined.client.takes = unit::unbounded;
    unit::check(joined.turn());
    unit::check(joined.client.take_written() == frame(much) +
                                                    "\x82\x08"
                                                    "and more\x82\x06unread");
}

// Nobody listens to what a backend says behind the end.
void splices_nothing_behind_the_end(void **) {
    Flooded joined;
    joined.backend.says(std::string(flood, 'x'));
    unit::check(joined.turn());
    joined.client_says(unit::close_frame, "");
    joined.backend.says(std::string(flood, 'y'));
    unit::check(joined.turn());
    unit::equal(joined.client.calls.find("header"), std::string::npos);
    unit::equal(joined.facts().bytes_out, flood);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(splices_what_follows_a_large_read),
        cmocka_unit_test(reads_what_follows_a_smaller_read),
        cmocka_unit_test(reads_where_the_client_takes_no_pipe),
        cmocka_unit_test(reads_what_has_to_be_looked_at),
        cmocka_unit_test(reads_where_the_pipe_is_not_worth_it),
        cmocka_unit_test(holds_what_a_full_client_leaves_in_the_pipe),
        cmocka_unit_test(splices_nothing_behind_the_end),
    };
    return unit::run("ws_relay/relay_flood", tests);
}

// What an endpoint, a host, a lender and a witness do that say nothing of their own.
#include "t/unit/ws_relay/joined.hpp"

#include "ngx_ws_filter/ws_status/board.hpp"

using namespace std::string_view_literals;

namespace {

class BareEndpoint final : public ws::Endpoint {};
class BareHost final : public ws::Host {};
class BareLender final : public ws::Lender {};
class BareWitness final : public ws::Witness {};
class BareBoardHost final : public ws::BoardHost {};

void bare_endpoint_brings_nothing(void **) {
    BareEndpoint endpoint;
    std::array<std::uint8_t, 8> room{};
    unit::check(!endpoint.readable());
    unit::equal(endpoint.read(room).came, ws::Came::later);
    unit::equal(endpoint.discard(room).came, ws::Came::later);
    unit::equal(endpoint.read_apart(room, {.size = 4, .gap = 1}).came, ws::Came::later);
    unit::check(!endpoint.takes_pipe());
    unit::equal(endpoint.fill_pipe(8), 0);
    unit::check(!endpoint.has_unread());
    unit::check(!endpoint.is_broken());
    unit::check(!endpoint.may_have_broken());
    unit::check(!endpoint.is_polled());
}

void bare_endpoint_takes_everything_and_confirms_nothing(void **) {
    BareEndpoint endpoint;
    std::array<std::uint8_t, 8> bytes{};
    unit::check(!endpoint.is_full());
    unit::equal(endpoint.room(8), 8);
    unit::equal(endpoint.write(bytes).size, 8);
    unit::equal(endpoint.write_header(bytes).size, 8);
    unit::equal(endpoint.drain_pipe(8).size, 8);
    endpoint.lift_bounds();
    endpoint.gather();
    unit::check(endpoint.finish());
    endpoint.abort();
    endpoint.lose(true);
    unit::equal(endpoint.acknowledged(), 0);
    unit::equal(endpoint.moved(), 0);
    unit::check(endpoint.knows_exactly());
    unit::check(!endpoint.drained());
}

void bare_host_has_nothing_to_lend(void **) {
    BareHost host;
    std::array<std::uint8_t, 8> room{};
    unit::equal(host.scratch().received.size(), 0);
    unit::check(host.lend() == nullptr);
    unit::check(host.enlarge(nullptr) == nullptr);
    host.give_back(nullptr);
    unit::equal(host.empty_pipe(room), 0);
    unit::equal(host.send_answer(), ws::Answer::sent);
    host.come_back();
    host.tell(ws::Order::none, ws::Phase::open);
    host.tell_phase(ws::Phase::connecting, ws::Phase::open);
    host.tell_ping(1);
    host.tell_pong(1);
    host.tell_late(ws::Deadline::idle, 1, 1);
}

void bare_lender_lends_no_memory(void **) {
    BareLender lender;
    unit::check(lender.lend_inflater());
    lender.lend_deflater();
    unit::check(!lender.lend_memory());
    lender.take_back();
}

void bare_witness_knows_nothing(void **) {
    BareWitness witness;
    unit::check(!witness.standing().client_lost);
    unit::equal(witness.acknowledged(ws::Side::client), 0);
    unit::check(witness.knows_exactly());
    unit::equal(witness.moved(ws::Side::client), 0);
    unit::check(!witness.is_under_way(ws::Side::client));
    unit::check(!witness.backend_has_all());
    unit::check(!witness.client_has_more());
    unit::check(witness.lend_pings() == nullptr);
    ws::WaitingPings pings;
    witness.give_back(pings);
    witness.tell_phase(ws::Phase::connecting, ws::Phase::open);
    witness.tell_ping(1);
    witness.tell_pong(1);
    witness.tell_late(ws::Deadline::idle, 1, 1);
}

void bare_board_host_has_no_memory(void **) {
    BareBoardHost host;
    ws::Board board;
    unit::check(board.sit({.pid = 1, .started = 1}, host) == nullptr);
    unit::check(host.lives({.pid = 1, .started = 1}));
}

// --- memory that is lent

void held_buffer_takes_what_it_has_room_for(void **) {
    unit::ScriptedHost host(10, 0);
    ws::HeldBuffer *buffer = host.lend();
    const std::size_t room = buffer->capacity;
    unit::check(buffer->add(unit::bytes("hello")));
    unit::equal(unit::text(buffer->content()), "hello"sv);
    buffer->begin += 2;
    unit::equal(unit::text(buffer->content()), "llo"sv);
    const std::string more(room - 3, 'x');
    unit::check(!buffer->add(unit::bytes(more + "y")));
    unit::equal(unit::text(buffer->content()), "llo"sv);
    unit::check(buffer->add(unit::bytes(more)));
    unit::equal(unit::text(buffer->content()), "llo" + more);
    host.give_back(buffer);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bare_endpoint_brings_nothing),
        cmocka_unit_test(bare_endpoint_takes_everything_and_confirms_nothing),
        cmocka_unit_test(bare_host_has_nothing_to_lend),
        cmocka_unit_test(bare_lender_lends_no_memory),
        cmocka_unit_test(bare_witness_knows_nothing),
        cmocka_unit_test(bare_board_host_has_no_memory),
        cmocka_unit_test(held_buffer_takes_what_it_has_room_for),
    };
    return unit::run("ws_relay/bare", tests);
}

#include "t/unit/unit.hpp"

#include "ngx_ws_filter/ws_resume/sid.hpp"

#include <algorithm>
#include <array>

using namespace std::literals;
using ws::Sid;
using ws::SidMatch;
using ws::Sids;
using ws::SidSecret;
using ws::SidText;

namespace {

constexpr SidSecret a1{0xa1, 1};
constexpr SidSecret b2{0xb2, 2};
constexpr SidSecret c3{0xc3, 3};

constexpr Sid example{.node = "node-1",
                      .worker = 0x0123456789abcdef,
                      .session = 42,
                      .secret = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xfe, 0xff}};
constexpr std::string_view example_text =
    "node-1.0123456789abcdef.000000000000002a.000102030405060708090a0b0c0dfeff";

void writes_a_text_that_no_url_encodes(void **) {
    unit::equal(SidText(example).view(), example_text);
    std::array<char, ws::max_node> longest;
    longest.fill('x');
    Sid sid = example;
    sid.node = {longest.data(), longest.size()};
    const SidText text(sid);
    unit::check(text.view().size() <= ws::max_sid);
    unit::check(text.view().starts_with(sid.node) &&
                text.view().ends_with(".000102030405060708090a0b0c0dfeff"));
}

void reads_what_it_has_written(void **) {
    Sid sid{};
    unit::check(ws::read_sid(example_text, sid));
    unit::equal(sid.node, example.node);
    unit::equal(sid.worker, example.worker);
    unit::equal(sid.session, example.session);
    unit::check(sid.secret == example.secret);
}

// Each text that differs in one character is another SID, or none; and so is each that is cut.
void has_one_text_for_each_sid(void **) {
    std::array<char, example_text.size() + 1> room;
    std::ranges::copy(example_text, room.begin());
    room.back() = '0';
    Sid sid{};
    unit::check(!ws::read_sid({room.data(), room.size()}, sid));
    for (std::size_t i = 0; i < example_text.size(); ++i) {
        unit::check(!ws::read_sid(example_text.substr(0, i), sid));
        for (unsigned c = 0; c < 256; ++c) {
            room[i] = static_cast<char>(c);
            const std::string_view text{room.data(), example_text.size()};
            if (ws::read_sid(text, sid)) {
                unit::equal(SidText(sid).view(), text);
            }
        }
        room[i] = example_text[i];
    }
}

void refuses_what_is_no_sid_of_ours(void **) {
    Sid sid{};
    for (const std::string_view text :
         {""sv, "."sv, "a1"sv, "..."sv,
          ".0123456789abcdef.000000000000002a.000102030405060708090a0b0c0dfeff"sv,
          "no de.0123456789abcdef.000000000000002a.000102030405060708090a0b0c0dfeff"sv,
          "node-1.0123456789ABCDEF.000000000000002a.000102030405060708090a0b0c0dfeff"sv,
          "node-1.0123456789abcdef-000000000000002a.000102030405060708090a0b0c0dfeff"sv,
          "node-1.0123456789abcdef.000000000000002a-000102030405060708090a0b0c0dfeff"sv,
          "node-1.0123456789abcdeg.000000000000002a.000102030405060708090a0b0c0dfeff"sv,
          "node-1.0123456789abcdef.00000000000000`a.000102030405060708090a0b0c0dfeff"sv,
          "node-1.0123456789abcdef.000000000000002a.000102030405060708090a0b0c0dfefg"sv}) {
        unit::check(!ws::read_sid(text, sid));
    }
}

void knows_which_names_a_node_may_have(void **) {
    std::array<char, ws::max_node + 1> long_name;
    long_name.fill('x');
    unit::check(ws::is_node_name("node-1_B"));
    unit::check(ws::is_node_name({long_name.data(), ws::max_node}));
    for (const std::string_view name : {""sv, "a.b"sv, "a b"sv, "a%b"sv, "\xc3\xb6"sv, "a\0"sv,
                                        std::string_view{long_name.data(), long_name.size()}}) {
        unit::check(!ws::is_node_name(name));
    }
}

// --- which are valid

void knows_its_current_secret_alone(void **) {
    const Sids sids(a1);
    unit::equal(sids.match(a1), SidMatch::current);
    unit::check(!sids.pending());
    for (std::size_t bit = 0; bit < 128; ++bit) {
        SidSecret other = a1;
        other[bit / 8] = static_cast<std::uint8_t>(other[bit / 8] ^ 1U << bit % 8);
        unit::equal(sids.match(other), SidMatch::unknown);
    }
}

void knows_two_while_one_is_on_its_way(void **) {
    Sids sids(a1);
    sids.offer(b2, Sids::no_proof);
    unit::check(sids.pending());
    unit::equal(sids.match(a1), SidMatch::current);
    unit::equal(sids.match(b2), SidMatch::next);
    unit::equal(sids.match(c3), SidMatch::unknown);
}

void knows_what_another_process_had_offered(void **) {
    const Sids offered(a1, b2);
    unit::check(offered.pending());
    unit::equal(offered.match(a1), SidMatch::current);
    unit::equal(offered.match(b2), SidMatch::next);
    const Sids settled(a1, a1);
    unit::check(!settled.pending());
    unit::equal(settled.match(a1), SidMatch::current);
}

void gives_a_second_try_the_same_next_secret(void **) {
    Sids sids(a1);
    sids.offer(b2, 0);
    sids.accept(SidMatch::current);
    sids.offer(c3, 0);
    unit::check(sids.next() == b2);
    unit::equal(sids.match(c3), SidMatch::unknown);
    unit::equal(sids.match(a1), SidMatch::current);
}

void forgets_the_old_secret_when_the_client_comes_with_the_next(void **) {
    Sids sids(a1);
    sids.offer(b2, 0);
    sids.accept(SidMatch::next);
    unit::check(!sids.pending());
    unit::check(sids.current() == b2);
    unit::equal(sids.match(a1), SidMatch::unknown);
    unit::equal(sids.match(b2), SidMatch::current);
    sids.offer(c3, 0);
    unit::equal(sids.match(c3), SidMatch::next);
}

void is_not_moved_by_an_unknown_secret(void **) {
    Sids sids(a1);
    sids.offer(b2, 0);
    sids.accept(SidMatch::unknown);
    unit::equal(sids.match(a1), SidMatch::current);
    unit::equal(sids.match(b2), SidMatch::next);
}

void takes_an_ack_of_what_came_behind_for_a_proof(void **) {
    Sids sids(a1);
    sids.acknowledged(100);
    sids.offer(b2, 100);
    sids.acknowledged(100);
    unit::equal(sids.match(a1), SidMatch::current);
    sids.acknowledged(101);
    unit::equal(sids.match(a1), SidMatch::unknown);
    unit::equal(sids.match(b2), SidMatch::current);
    sids.acknowledged(102);
    unit::equal(sids.match(b2), SidMatch::current);
}

void takes_no_ack_for_a_proof_of_what_came_behind_data(void **) {
    Sids sids(a1);
    sids.offer(b2, Sids::no_proof);
    sids.acknowledged(UINT64_MAX);
    unit::equal(sids.match(a1), SidMatch::current);
}

void echo(Sids &sids, std::string_view text, std::size_t first) {
    const SidText offered({.node = "n", .worker = 1, .session = 2, .secret = sids.next()});
    const unit::Bytes bytes = unit::bytes(text);
    sids.echo(bytes.first(first), true, false, offered.view());
    sids.echo(bytes.subspan(first), first == 0, false, offered.view());
    sids.echo({}, text.empty(), true, offered.view());
}

void takes_the_echo_for_a_proof_however_it_is_cut(void **) {
    const SidText text({.node = "n", .worker = 1, .session = 2, .secret = b2});
    for (std::size_t first = 0; first <= text.view().size(); ++first) {
        Sids sids(a1);
        sids.offer(b2, 0);
        echo(sids, "something that is cut off", 3);
        echo(sids, text.view(), first);
        unit::equal(sids.match(a1), SidMatch::unknown);
        unit::equal(sids.match(b2), SidMatch::current);
    }
}

void ignores_an_echo_of_anything_else(void **) {
    const SidText text({.node = "n", .worker = 1, .session = 2, .secret = b2});
    const SidText other({.node = "n", .worker = 1, .session = 2, .secret = c3});
    std::array<char, 300> longer;
    longer.fill('f');
    std::ranges::copy(text.view(), longer.begin());
    const std::string_view all{longer.data(), longer.size()};
    const std::size_t size = text.view().size();
    for (const std::string_view wrong : {""sv, all.substr(0, size - 1), all.substr(0, size + 1),
                                         all, all.substr(1, size), other.view()}) {
        for (std::size_t first = 0; first <= wrong.size(); ++first) {
            Sids sids(a1);
            sids.offer(b2, 0);
            echo(sids, wrong, first);
            unit::equal(sids.match(a1), SidMatch::current);
            unit::equal(sids.match(b2), SidMatch::next);
        }
    }
    Sids sids(b2);
    echo(sids, text.view(), 5);
    unit::check(!sids.pending());
    unit::equal(sids.match(b2), SidMatch::current);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(writes_a_text_that_no_url_encodes),
        cmocka_unit_test(reads_what_it_has_written),
        cmocka_unit_test(has_one_text_for_each_sid),
        cmocka_unit_test(refuses_what_is_no_sid_of_ours),
        cmocka_unit_test(knows_which_names_a_node_may_have),
        cmocka_unit_test(knows_its_current_secret_alone),
        cmocka_unit_test(knows_two_while_one_is_on_its_way),
        cmocka_unit_test(knows_what_another_process_had_offered),
        cmocka_unit_test(gives_a_second_try_the_same_next_secret),
        cmocka_unit_test(forgets_the_old_secret_when_the_client_comes_with_the_next),
        cmocka_unit_test(is_not_moved_by_an_unknown_secret),
        cmocka_unit_test(takes_an_ack_of_what_came_behind_for_a_proof),
        cmocka_unit_test(takes_no_ack_for_a_proof_of_what_came_behind_data),
        cmocka_unit_test(takes_the_echo_for_a_proof_however_it_is_cut),
        cmocka_unit_test(ignores_an_echo_of_anything_else),
    };
    return unit::run("sid", tests);
}

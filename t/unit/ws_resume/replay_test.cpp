#include "t/unit/ws_resume/replay_lender.hpp"

#include <array>

using namespace std::literals;
using ws::Replay;

namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz";

// All that is to be had from a position, in small reads.
void holds(const Replay &replay, std::uint64_t position, std::string_view wanted) {
    std::array<std::uint8_t, 64> room;
    const std::size_t size = replay.read(position, room);
    unit::equal(unit::text(std::span{room}.first(size)), wanted);

    std::size_t got = 0;
    while (got < wanted.size()) {
        const unit::Bytes bytes = replay.at(position + got);
        unit::check(!bytes.empty());
        unit::equal(unit::text(bytes), wanted.substr(got, bytes.size()));
        got += bytes.size();
    }
    unit::check(replay.at(position + got).empty());
}

void add(Replay &replay, std::string_view text) {
    unit::check(replay.append(unit::bytes(text)));
}

void holds_no_memory_without_bytes(void **) {
    unit::ReplayLender lender(4);
    Replay replay(lender);
    unit::check(replay.append({}));
    unit::equal(lender.lent, 0);
    holds(replay, 0, "");
    add(replay, "abc");
    unit::equal(lender.lent, 1);
    replay.acknowledge(3);
    unit::equal(lender.lent, 0);
    unit::equal(replay.size(), 0);
    holds(replay, 3, "");
}

void keeps_bytes_until_they_are_acknowledged(void **) {
    for (std::uint32_t capacity = 1; capacity <= 30; ++capacity) {
        unit::ReplayLender lender(capacity);
        Replay replay(lender);
        add(replay, alphabet);
        for (std::size_t position = 0; position <= alphabet.size(); ++position) {
            replay.acknowledge(position);
            unit::equal(replay.begin(), position);
            unit::equal(replay.end(), alphabet.size());
            for (std::size_t from = position; from <= alphabet.size(); ++from) {
                holds(replay, from, alphabet.substr(from));
            }
        }
        unit::equal(lender.lent, 0);
    }
}

// Of each size, and from each state: as many bytes are always under way.
void goes_on_for_ever(void **) {
    for (std::uint32_t capacity = 1; capacity <= 9; ++capacity) {
        for (std::size_t part = 1; part <= alphabet.size(); ++part) {
            unit::ReplayLender lender(capacity);
            Replay replay(lender);
            std::size_t at = 0;
            for (std::size_t round = 0; round < 20; ++round) {
                const std::size_t size = std::min(part, alphabet.size() - at);
                add(replay, alphabet.substr(at, size));
                at = (at + size) % alphabet.size();
                const std::uint64_t end = replay.end();
                replay.acknowledge(std::max(replay.begin(), end - std::min<std::uint64_t>(end, 5)));
                const std::size_t under_way = std::min<std::uint64_t>(end, 5);
                unit::equal(replay.size(), under_way);
                std::array<std::uint8_t, 5> room;
                unit::equal(replay.read(replay.begin(), room), under_way);
                for (std::size_t i = 0; i < under_way; ++i) {
                    unit::check(room[i] == alphabet[(replay.begin() + i) % alphabet.size()]);
                }
                unit::check(lender.lent <= (under_way + 2 * capacity - 1) / capacity);
            }
        }
    }
}

void fills_blocks_before_it_wants_more(void **) {
    unit::ReplayLender lender(8);
    Replay replay(lender);
    for (std::size_t i = 0; i < 16; ++i) {
        add(replay, alphabet.substr(i, 1));
    }
    unit::equal(lender.lent, 2);
    holds(replay, 0, alphabet.substr(0, 16));
}

void asks_for_as_much_again_as_it_keeps(void **) {
    unit::ReplayLender lender(8);
    Replay replay(lender);
    add(replay, "ab");
    unit::equal(lender.wanted_last, 2);
    add(replay, "cdefghi");
    unit::equal(lender.wanted_last, 2);
    add(replay, "jklmnopq");
    unit::equal(lender.wanted_last, 9);
    lender.most_wanted = 3;
    add(replay, "rstuvwxyz");
    unit::equal(lender.wanted_last, 2);
    holds(replay, 0, alphabet);
    replay.acknowledge(25);
    lender.most_wanted = SIZE_MAX;
    add(replay, "1234567890");
    unit::equal(lender.wanted_last, 4);
}

void takes_all_or_nothing(void **) {
    unit::ReplayLender lender(4);
    Replay replay(lender);
    lender.most = 2;
    unit::check(!replay.append(unit::bytes("123456789")));
    unit::equal(lender.lent, 0);
    unit::equal(replay.end(), 0);
    add(replay, "abc");
    unit::check(!replay.append(unit::bytes("123456")));
    unit::equal(lender.lent, 1);
    holds(replay, 0, "abc");
    add(replay, "defgh");
    unit::check(!replay.append(unit::bytes("i")));
    holds(replay, 0, "abcdefgh");
    replay.acknowledge(4);
    add(replay, "i");
    holds(replay, 4, "efghi");
}

void gives_all_back_at_its_end(void **) {
    unit::ReplayLender lender(4);
    {
        Replay replay(lender);
        add(replay, alphabet);
    }
    unit::equal(lender.lent, 0);
    Replay replay(lender);
    add(replay, alphabet);
    replay.clear();
    unit::equal(lender.lent, 0);
    unit::equal(replay.begin(), alphabet.size());
    add(replay, "x");
    holds(replay, alphabet.size(), "x");
}

// Without the functions that somebody who has memory defines.
void lends_nothing_by_itself(void **) {
    class Nobody final : public ws::ReplayLender {};
    Nobody nobody;
    Replay replay(nobody);
    unit::check(!replay.append(unit::bytes("x")));
    static_cast<ws::ReplayLender &>(nobody).give_back(nullptr);
    unit::check(static_cast<ws::ReplayLender &>(nobody).lend_briefly(1) == nullptr);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(holds_no_memory_without_bytes),
        cmocka_unit_test(keeps_bytes_until_they_are_acknowledged),
        cmocka_unit_test(goes_on_for_ever),
        cmocka_unit_test(fills_blocks_before_it_wants_more),
        cmocka_unit_test(asks_for_as_much_again_as_it_keeps),
        cmocka_unit_test(takes_all_or_nothing),
        cmocka_unit_test(gives_all_back_at_its_end),
        cmocka_unit_test(lends_nothing_by_itself),
    };
    return unit::run("replay", tests);
}
